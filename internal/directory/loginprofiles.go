package directory

import "time"

// passwordUse tells when a user last signed in with the password.
type passwordUse struct {
	Format int       `json:"v"`
	Time   time.Time `json:"t"`
}
