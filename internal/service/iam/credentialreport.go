package iam

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) credentialReportOperations() []service.Operation {
	return []service.Operation{
		op("GenerateCredentialReport", s.GenerateCredentialReport),
		op("GetCredentialReport", s.GetCredentialReport),
	}
}

// GenerateCredentialReport has the account's credential report made in the
// background, unless the one that is there is less than four hours old.
func (s *Service) GenerateCredentialReport(ctx context.Context, c *service.Caller, _ *api.GenerateCredentialReportRequest) (*api.GenerateCredentialReportResponse, error) {
	var r *directory.Report
	var started bool
	if err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		r, started, err = tx.StartCredentials()
		return err
	}); err != nil {
		return nil, err
	}
	switch {
	case started:
		account := c.Account()
		s.dir.MakeReport(account, r, func(snap *directory.Snapshot, w io.Writer) error {
			return writeCredentials(snap, account, r.Started, w)
		})
		return &api.GenerateCredentialReportResponse{State: "STARTED", Description: "No report exists. Starting a new report generation task"}, nil
	case r.Current(s.dir.Now()):
		return &api.GenerateCredentialReportResponse{State: "COMPLETE"}, nil
	}
	return &api.GenerateCredentialReportResponse{State: "INPROGRESS"}, nil
}

// GetCredentialReport gives the account's credential report.
func (s *Service) GetCredentialReport(_ context.Context, c *service.Caller, _ *api.GetCredentialReportRequest) (*api.GetCredentialReportResponse, error) {
	r, err := c.Snapshot.Credentials(c.Account())
	if _, none := err.(*directory.NotFound); none {
		return nil, api.ReportNotPresent.New("")
	}
	if err != nil {
		return nil, err
	}
	switch now := s.dir.Now(); {
	case r.InProgress(now):
		return nil, api.ReportInProgress.New("Report generation is in progress.")
	case r.Done.IsZero() || r.Failed != "":
		return nil, api.ReportNotPresent.New("")
	case !r.Current(now):
		return nil, api.ReportExpired.New("The credential report has expired. Generate a new one.")
	}
	content, err := c.Snapshot.ReportContent(c.Account(), r)
	if err != nil {
		return nil, err
	}
	return &api.GetCredentialReportResponse{Content: content, ReportFormat: "text/csv", GeneratedTime: r.Done}, nil
}

// The columns of the credential report (docs/facts, 8.9).
const (
	reportColumns = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active," +
		"access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service," +
		"access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service," +
		"cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
	notAny        = "N/A"
	noInformation = "no_information"
	notSupported  = "not_supported"
)

// writeCredentials writes the report: root first, then the users by name.
//
// Where any keys of the account expire, two columns more say when a user's do.
func writeCredentials(s *directory.Snapshot, account string, now time.Time, w io.Writer) error {
	a, err := s.Account(account)
	if err != nil {
		return err
	}
	root, err := s.UserByID(account, account)
	if err != nil {
		return err
	}
	expire, err := s.KeysExpire(a)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	b.WriteString(reportColumns)
	if expire {
		b.WriteString(",access_key_1_expires,access_key_2_expires")
	}
	row := func(u *directory.User) error {
		fields, err := credentialRow(s, a, u, now, expire)
		b.WriteByte('\n')
		for i, f := range fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoted(f))
		}
		return err
	}
	if err := cmp.Or(row(root), s.WalkUsers(account, row)); err != nil {
		return err
	}
	return b.Flush()
}

// quoted is a field of CSV: a user's name may hold a comma.
func quoted(field string) string {
	if strings.ContainsAny(field, ",\"\r\n") {
		return `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
	}
	return field
}

func reportTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func credentialRow(s *directory.Snapshot, a *directory.Account, u *directory.User, now time.Time, expire bool) ([]string, error) {
	row := []string{u.Name, u.ARN(), reportTime(u.Created)}
	used, known, err := s.PasswordLastUsed(u)
	if err != nil {
		return nil, err
	}
	row = append(row, passwordColumns(a, u, used, known)...)
	row = append(row, boolText(len(u.MFA) > 0))
	keys := slices.Clone(u.Keys)
	for i, k := range keys {
		keys[i].Inactive = !s.KeyActive(u, k, now)
	}
	slices.SortStableFunc(keys, func(a, b directory.AccessKey) int { return int(flag(a.Inactive) - flag(b.Inactive)) })
	for i := range 2 {
		columns := []string{"false", notAny, notAny, notAny, notAny}
		if i < len(keys) {
			if columns, err = keyColumns(s, a.ID, keys[i]); err != nil {
				return nil, err
			}
		}
		row = append(row, columns...)
	}
	for i := range 2 {
		if i < len(u.Certificates) {
			row = append(row, boolText(!u.Certificates[i].Inactive), reportTime(u.Certificates[i].Uploaded))
		} else {
			row = append(row, "false", notAny)
		}
	}
	for i := 0; i < 2 && expire; i++ {
		expires := notAny
		if i < len(keys) {
			if at, ok := s.KeyExpires(u, keys[i]); ok {
				expires = reportTime(at)
			}
		}
		row = append(row, expires)
	}
	return row, nil
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// passwordColumns are those from password_enabled to password_next_rotation.
func passwordColumns(a *directory.Account, u *directory.User, used time.Time, known bool) []string {
	last := noInformation
	if known {
		last = reportTime(used)
	}
	switch {
	case u.Root():
		return []string{notSupported, last, notSupported, notSupported}
	case u.Password == "":
		return []string{"false", notAny, notAny, notAny}
	}
	next := notAny
	if a.Passwords != nil && a.Passwords.MaxAge > 0 {
		next = reportTime(u.PasswordChanged.AddDate(0, 0, a.Passwords.MaxAge))
	}
	return []string{"true", last, reportTime(u.PasswordChanged), next}
}

// keyColumns are the five of an access key.
func keyColumns(s *directory.Snapshot, account string, k directory.AccessKey) ([]string, error) {
	columns := []string{boolText(!k.Inactive), reportTime(k.Created), notAny, notAny, notAny}
	use, used, err := s.KeyLastUsed(account, k.ID)
	if used {
		columns[2], columns[3], columns[4] = reportTime(use.Time), use.Region, use.Service
	}
	return columns, err
}
