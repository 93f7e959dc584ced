package cli

import (
	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

func federationFlags(cmd *cobra.Command, c *server.FederationConfig) {
	flags := cmd.Flags()
	flags.StringVar(&c.CA, "oidc-ca", "", "file of CAs, besides the system's, that OpenID Connect providers may have their certificates of")
	flags.BoolVar(&c.LoopbackHTTP, "oidc-loopback-http", false, "let OpenID Connect providers on this machine do without TLS")
	flags.StringVar(&c.IssuerURL, "issuer-url", "", "https URL by which others reach this endpoint to verify the tokens that it issues (default the endpoint's own)")
}
