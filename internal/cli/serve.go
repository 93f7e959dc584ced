package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/delivery"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/server"
)

// What serve prints, and where: how to reach and use the server on standard
// output, once it is ready; its log on standard error. With --trail-stdout nothing
// but events goes to standard output, and the rest to standard error.

const serveLong = `Serve IAM and STS on one endpoint, with all data in one folder.

The first start makes the folder, an account and its root user, and prints where
the root user's credentials are. Every flag can be given by an environment
variable instead: SALLYPORT_ and the flag's name in capitals, such as
SALLYPORT_LISTEN. These have no flag, so that no secret stands on a command line:

  SALLYPORT_ROOT_ACCESS_KEY_ID       an access key that the root user is to have
  SALLYPORT_ROOT_SECRET_ACCESS_KEY   its secret
  SALLYPORT_MASTER_KEY               the key that seals secrets at rest
  SALLYPORT_STORE_PASSWORD           of the --store-user
  SALLYPORT_TRAIL_ACCESS_KEY_ID      signs requests to the --trail-delivery
  SALLYPORT_TRAIL_SECRET_ACCESS_KEY  its secret
  SALLYPORT_TRAIL_WEBHOOK_SECRET     signs what is posted to the --trail-webhook
  SALLYPORT_BACKUP_PASSPHRASE        seals the archive, where no recipient key is given

Each of these, followed by _FILE, names a file that holds the value.`

const masterKeyVariable = "SALLYPORT_MASTER_KEY"

type serveFlags struct {
	data, listen, adminListen, accountID, rootEmail, logLevel string
	quotas, proxies                                           []string
	trailDays                                                 int
	trailAll                                                  bool
	trailReserve                                              int64
	trailStdout                                               bool
	delivery                                                  delivery.Config
	masterKeyURI                                              string
	archive                                                   server.ArchiveConfig
	sharing                                                   sharing
	federation                                                server.FederationConfig
}

func serveCommand(std IO) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve IAM and STS",
		Long:  serveLong,
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return serve(cmd, std, &f) },
	}
	flags := cmd.Flags()
	dataFlag(cmd, &f.data)
	flags.StringVar(&f.listen, "listen", "127.0.0.1:4566", "host:port of the endpoint")
	flags.StringVar(&f.adminListen, "admin-listen", "", "host:port of /healthz, /readyz and /metrics (default none)")
	flags.StringSliceVar(&f.proxies, "trusted-proxies", nil, "networks or addresses of proxies that are believed whom they say to ask for and whether by TLS (default none)")
	flags.StringVar(&f.accountID, "account-id", "", "12-digit id of the account that the first start makes (default random)")
	flags.StringVar(&f.rootEmail, "root-email", "root@localhost", "email of the root user that the first start makes")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug (a line for each request), info, warn or error")
	flags.IntVar(&f.trailDays, "trail-days", 90, "days that the events of the audit trail are kept")
	flags.BoolVar(&f.trailAll, "trail-all", false, "refuse reading requests as well while the audit trail can't be written")
	flags.Int64Var(&f.trailReserve, "trail-reserve", 64, "MiB of its disk, at most a sixteenth, that the audit trail leaves free: with less, changes are refused; 0 means none")
	flags.StringVar(&f.delivery.To, "trail-delivery", "", "where the buckets of CloudTrail's trails are: a folder, or the URL of an S3-compatible store (default none)")
	flags.DurationVar(&f.delivery.Every, "trail-delivery-every", 5*time.Minute, "time between two deliveries of a trail")
	flags.DurationVar(&f.delivery.DigestEvery, "trail-digest-every", time.Hour, "time between two digests of what a trail has delivered")
	flags.StringVar(&f.delivery.Webhook, "trail-webhook", "", "URL that all events are posted to (default none)")
	flags.BoolVar(&f.trailStdout, "trail-stdout", false, "print all events on standard output, a line of JSON each")
	flags.StringVar(&f.delivery.Region, "trail-delivery-region", "us-east-1", "region that requests to the store are signed for")
	flags.StringSliceVar(&f.quotas, "quota", nil, "a quota that differs from AWS's default, as NAME=NUMBER; may be repeated")
	masterKeyURIFlag(cmd, &f.masterKeyURI)
	archiveFlags(cmd, &f.archive)
	storeFlags(cmd, &f.sharing)
	federationFlags(cmd, &f.federation)
	return cmd
}

func serve(cmd *cobra.Command, std IO, f *serveFlags) error {
	cfg, err := configure(cmd, std, f)
	if err != nil {
		return err
	}
	ctx, stop, err := f.sharing.cluster.start(cmd.Context(), &cfg)
	if err != nil {
		return err
	}
	defer stop()
	srv, err := server.Open(ctx, cfg)
	if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
		cfg.Log.Info("stopped before it was ready")
		return nil
	}
	if err != nil {
		return memberError(ctx, err)
	}
	started := srv.Started()
	printStarted(std, started, f.trailStdout)
	if err := memberError(ctx, srv.Serve(ctx)); err != nil {
		return err
	}
	cfg.Log.Info("stopped")
	return nil
}

// parseNetworks reads networks such as 10.0.0.0/8, and addresses.
func parseNetworks(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if addr, err2 := netip.ParseAddr(text); err2 == nil {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("trusted proxy %q is neither an address nor a network such as 10.0.0.0/8", text)}
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func configure(cmd *cobra.Command, std IO, f *serveFlags) (server.Config, error) {
	if err := setFromEnvironment(cmd, std.Env); err != nil {
		return server.Config{}, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return server.Config{}, usageError{fmt.Errorf("log level %q is not debug, info, warn or error", f.logLevel)}
	}
	cfg := server.Config{
		Data: f.data, Listen: f.listen, AdminListen: f.adminListen, AccountID: f.accountID, RootEmail: f.rootEmail,
		Now: time.Now, Rand: rand.Reader, Archive: f.archive, MasterKeyURI: f.masterKeyURI, Federation: f.federation,
		TrailDays: f.trailDays, TrailAll: f.trailAll, TrailReserve: f.trailReserve << 20, Delivery: f.delivery,
		Log: logger(std, level), Fatal: fatal(std),
	}
	if f.delivery.Every <= 0 || f.delivery.DigestEvery < time.Second {
		return server.Config{}, usageError{fmt.Errorf("--trail-delivery-every %v or --trail-digest-every %v is not a length of time", f.delivery.Every, f.delivery.DigestEvery)}
	}
	if f.trailStdout {
		signal.Ignore(syscall.SIGPIPE) // a reader that ends must not end the server
		cfg.Delivery.Lines = std.Out
	}
	if f.trailReserve <= 0 {
		cfg.TrailReserve = -1
	}
	cfg.Archive.PassphraseWork = std.PassphraseWork
	err := f.sharing.configure(&cfg)
	if err != nil {
		return server.Config{}, err
	}
	if cfg.Quotas, err = parseQuotas(f.quotas); err != nil {
		return server.Config{}, err
	}
	if cfg.TrustedProxies, err = parseNetworks(f.proxies); err != nil {
		return server.Config{}, err
	}
	secrets := []struct {
		name string
		set  func(string)
	}{
		{"SALLYPORT_ROOT_ACCESS_KEY_ID", func(v string) { cfg.RootKeyID = v }},
		{"SALLYPORT_ROOT_SECRET_ACCESS_KEY", func(v string) { cfg.RootSecret = seal.NewSecret(v) }},
		{passphraseVariable, func(v string) { cfg.Archive.Passphrase = seal.NewSecret(v) }},
		{storePasswordVariable, func(v string) { cfg.Store.Password = seal.NewSecret(v) }},
		{"SALLYPORT_TRAIL_ACCESS_KEY_ID", func(v string) { cfg.Delivery.KeyID = v }},
		{"SALLYPORT_TRAIL_SECRET_ACCESS_KEY", func(v string) { cfg.Delivery.Secret = seal.NewSecret(v) }},
		{"SALLYPORT_TRAIL_WEBHOOK_SECRET", func(v string) { cfg.Delivery.WebhookSecret = seal.NewSecret(v) }},
		{masterKeyVariable, func(v string) { cfg.MasterKey = seal.NewSecret(v) }},
	}
	for _, s := range secrets {
		v, err := secretFromEnvironment(std.Env, s.name)
		if err != nil {
			return server.Config{}, err
		}
		s.set(v)
	}
	return cfg, nil
}

func parseQuotas(settings []string) (map[string]int, error) {
	quotas := map[string]int{}
	known := directory.Quotas()
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		n, err := strconv.Atoi(value)
		if _, ok := known[name]; !ok || err != nil || n < 0 {
			return nil, usageError{fmt.Errorf("quota %q is not NAME=NUMBER with one of the names in docs/operate.md", s)}
		}
		quotas[name] = n
	}
	return quotas, nil
}

// printStarted tells how to use the server.
func printStarted(std IO, s server.Started, toErr bool) {
	out := std.Out
	if toErr {
		out = std.Err
	}
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("Sallyport is ready.")
	p("  Endpoint         %s", s.Endpoint)
	p("  Console sign-in  %s/console/", s.Endpoint)
	if s.Admin != "" {
		p("  Admin            http://%s (/healthz, /readyz, /metrics)", s.Admin)
	}
	p("  Account          %s%s", s.AccountID, map[bool]string{true: " (made now)", false: " (found)"}[s.First])
	p("  Root user        %s", s.Root.Email)
	switch {
	case s.Root.KeyFile != "":
		p("  Root access key  %s", s.Root.KeyFile)
	case s.Root.KeyID != "":
		p("  Root access key  %s (given by the environment)", s.Root.KeyID)
	}
	if s.Root.PasswordFile != "" {
		p("  Root password    %s", s.Root.PasswordFile)
	}
	if s.First && terminal(out) {
		p("")
		p("  Shown this once:")
		p("    AWSAccessKeyId=%s", s.Root.KeyID)
		if s.Root.KeyFile != "" {
			p("    AWSSecretKey=%s", s.Root.Secret.Reveal())
		}
		p("    Password=%s", s.Root.Password.Reveal())
	}
	p("")
	p("  Use it:")
	p("    aws configure                            # with the root access key, region us-east-1")
	p("    export AWS_ENDPOINT_URL=%s", s.Endpoint)
	p("    aws sts get-caller-identity")
}
