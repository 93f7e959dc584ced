import { AccessAnalyzerClient, ValidatePolicyCommand } from "@aws-sdk/client-accessanalyzer";
import type { AccessAnalyzerClientConfig, ValidatePolicyCommandInput } from "@aws-sdk/client-accessanalyzer";
import { record } from "../calls";

// newAnalyzer is a client of Access Analyzer with the one operation that the
// editor needs.
export function newAnalyzer(config: AccessAnalyzerClientConfig) {
  const client = new AccessAnalyzerClient(config);
  record("accessanalyzer", client);
  return { validatePolicy: (input: ValidatePolicyCommandInput) => client.send(new ValidatePolicyCommand(input)) };
}
