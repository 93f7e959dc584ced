import { Link } from "@cloudscape-design/components";
import type { ServiceLastAccessed } from "@aws-sdk/client-iam";
import { at } from "./router";
import { iam } from "./session";
import { ago, all, Listing, useLoad } from "./ui";
import type { Failure } from "./ui";

// accessed waits for the report of when a principal's services were accessed.
async function accessed(Arn: string): Promise<ServiceLastAccessed[]> {
  const { JobId } = await iam().generateServiceLastAccessedDetails({ Arn });
  return all(async (Marker?: string) => {
    for (;;) {
      const out = await iam().getServiceLastAccessedDetails({ JobId, Marker, MaxItems: 1000 });
      if (out.JobStatus === "FAILED") throw { name: out.Error?.Code, message: out.Error?.Message } as Failure;
      if (out.JobStatus === "COMPLETED") return { items: out.ServicesLastAccessed, marker: out.Marker };
      await new Promise((r) => setTimeout(r, 300));
    }
  });
}

// Granting names the policies that permit a service.
function Granting({ arn, service }: { arn: string; service: string }) {
  const { data, error } = useLoad(async () => (await iam().listPoliciesGrantingServiceAccess({ Arn: arn, ServiceNamespaces: [service] })).PoliciesGrantingServiceAccess?.[0]?.Policies ?? [], [arn, service]);
  if (error) return <>{error.name}</>;
  if (!data) return <>…</>;
  return <>{data.map((p, i) => <span key={i}>{i > 0 && ", "}{p.PolicyArn ? <Link href={at("policies", "details", p.PolicyArn)}>{p.PolicyName}</Link> : p.PolicyName}{p.EntityName && ` (${p.EntityName})`}</span>)}</>;
}

// LastAccessed says when each permitted service was last used.
export function LastAccessed({ arn }: { arn: string }) {
  const { data, error, loading, reload } = useLoad(() => accessed(arn), [arn]);
  const whether = (s: ServiceLastAccessed) => (s.LastAuthenticated ? "Services accessed" : "Services not accessed");
  return (
    <Listing<ServiceLastAccessed>
      name="Services" thing="service" variant="container" items={data ?? []} loading={loading} error={error} reload={reload} id={(s) => s.ServiceName ?? ""} empty="No policy permits any service."
      description="When each service that the policies permit was last accessed. The tracking period is as long as events are kept, at most 400 days."
      kinds={{ label: "All services", options: ["Services accessed", "Services not accessed"], of: whether }}
      columns={[
        { id: "service", header: "Service", sortingField: "ServiceName", isRowHeader: true, cell: (s) => s.ServiceName },
        { id: "policies", header: "Policies granting permissions", cell: (s) => <Granting arn={arn} service={s.ServiceNamespace!} /> },
        { id: "at", header: "Last accessed", sortingField: "LastAuthenticated", cell: (s) => (s.LastAuthenticated ? ago(s.LastAuthenticated) : "Not accessed in the tracking period") },
        { id: "region", header: "Last region", hidden: true, sortingField: "LastAuthenticatedRegion", cell: (s) => s.LastAuthenticatedRegion ?? "-" },
      ]}
    />
  );
}
