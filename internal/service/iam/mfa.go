package iam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"net/url"
	"strings"

	"github.com/pquerna/otp"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) mfaOperations() []service.Operation {
	return []service.Operation{
		op("CreateVirtualMFADevice", s.CreateVirtualMFADevice, actsOnNewMFADevice,
			alsoTagging("iam:TagMFADevice", func(in *api.CreateVirtualMFADeviceRequest) []api.Tag { return in.Tags })),
		op("EnableMFADevice", s.EnableMFADevice, actsOnMFAUser(func(in *api.EnableMFADeviceRequest) string { return in.UserName })),
		op("ResyncMFADevice", s.ResyncMFADevice, actsOnMFAUser(func(in *api.ResyncMFADeviceRequest) string { return in.UserName })),
		op("DeactivateMFADevice", s.DeactivateMFADevice, actsOnMFAUser(func(in *api.DeactivateMFADeviceRequest) string { return in.UserName })),
		op("DeleteVirtualMFADevice", s.DeleteVirtualMFADevice, actsOnMFADevice(func(in *api.DeleteVirtualMFADeviceRequest) string { return in.SerialNumber })),
		op("GetMFADevice", s.GetMFADevice),
		op("ListMFADevices", s.ListMFADevices),
		op("ListVirtualMFADevices", s.ListVirtualMFADevices, listed("mfa", func(any) string { return "" })),
		op("TagMFADevice", s.TagMFADevice, actsOnMFADevice(func(in *api.TagMFADeviceRequest) string { return in.SerialNumber })),
		op("UntagMFADevice", s.UntagMFADevice, actsOnMFADevice(func(in *api.UntagMFADeviceRequest) string { return in.SerialNumber })),
		op("ListMFADeviceTags", s.ListMFADeviceTags, actsOnMFADevice(func(in *api.ListMFADeviceTagsRequest) string { return in.SerialNumber })),
	}
}

// actsOnMFADevice: the resource is the device of that serial number.
func actsOnMFADevice[In any](serial func(in *In) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			t := service.Target{ARN: serial(in.(*In))}
			if v, err := c.Snapshot.MFADevice(c.Account(), t.ARN); err == nil {
				t.Tags = v.Tags
			}
			return []service.Target{t}, nil
		}
	}
}

// actsOnNewMFADevice: the resource is the device that the request would make.
func actsOnNewMFADevice(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.CreateVirtualMFADeviceRequest)
		return []service.Target{{ARN: directory.MFASerial(c.Account(), pathOf(in.Path), in.VirtualMFADeviceName)}}, nil
	}
}

// actsOnMFAUser: the resource is the user whom mfaUser finds.
func actsOnMFAUser[In any](name func(in *In) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			return []service.Target{namedUser(c, mfaUser(c, name(in.(*In))))}, nil
		}
	}
}

// mfaUser is the UserName of a request about MFA devices, empty for the caller.
// EnableMFADevice and ResyncMFADevice require one; the root user, who has none,
// gives the account's id for its own devices.
func mfaUser(c *service.Caller, name string) string {
	if c.Root() && name == c.Account() {
		return ""
	}
	return name
}

// maxSerial bounds a serial number, in bytes, as the model does where it is given.
const maxSerial = 256

// CreateVirtualMFADevice makes a device and shows its seed, here and nowhere
// else after it, as base32 text and as a QR code.
func (s *Service) CreateVirtualMFADevice(ctx context.Context, c *service.Caller, in *api.CreateVirtualMFADeviceRequest) (*api.CreateVirtualMFADeviceResponse, error) {
	if serial := directory.MFASerial(c.Account(), pathOf(in.Path), in.VirtualMFADeviceName); len(serial) > maxSerial {
		return nil, awsapi.ValidationError.New("1 validation error detected: Value at 'serialNumber' failed to satisfy constraint: Member must have length less than or equal to %d", maxSerial)
	}
	seed := directory.MFASeed(s.rand)
	qr, err := s.qrCode(c, in.VirtualMFADeviceName, seed)
	if err != nil {
		return nil, err
	}
	var made *directory.MFADevice
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateMFADevice(pathOf(in.Path), in.VirtualMFADeviceName, seed, tagsIn(in.Tags))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.VirtualMFADevice{SerialNumber: made.Serial(), Base32StringSeed: []byte(seed.Reveal()), QRCodePNG: qr}
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	return &api.CreateVirtualMFADeviceResponse{VirtualMFADevice: out}, nil
}

// qrSize is the width and the height of a QR code, in pixels.
const qrSize = 300

// qrCode draws what an authenticator app reads: the device at the account's
// alias or id, and the seed. Its errors don't hold the seed.
func (s *Service) qrCode(c *service.Caller, device string, seed seal.Secret) ([]byte, error) {
	at := c.Account()
	if a, err := c.Snapshot.Account(at); err == nil && a != nil && a.Alias != "" {
		at = a.Alias
	}
	key, err := otp.NewKeyFromURL("otpauth://totp/" + url.PathEscape(device+"@"+at) + "?secret=" + seed.Reveal())
	if err != nil {
		return nil, errors.New("describe an MFA device")
	}
	img, err := key.Image(qrSize, qrSize)
	if err != nil {
		return nil, fmt.Errorf("draw the QR code of MFA device %q at %s: it doesn't fit", device, at)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode a QR code: %w", err)
	}
	return b.Bytes(), nil
}

// EnableMFADevice gives a device to a user, who shows two consecutive codes.
func (s *Service) EnableMFADevice(ctx context.Context, c *service.Caller, in *api.EnableMFADeviceRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, mfaUser(c, in.UserName), func(tx *directory.Tx, u *directory.User) error {
		return tx.EnableMFA(u, in.SerialNumber, in.AuthenticationCode1, in.AuthenticationCode2)
	})
}

// Passkey is EnableMFADevice for a passkey or security key. Its proof is in no
// request of the API: the console takes it from the browser, and verifies it.
// Without a credential the operation only asks whether one may be made.
func (s *Service) Passkey(credential []byte) service.Operation {
	o := op("EnableMFADevice", func(ctx context.Context, c *service.Caller, in *api.EnableMFADeviceRequest) (*nothing, error) {
		if credential == nil {
			return nil, nil
		}
		return nil, s.withUser(ctx, c, mfaUser(c, in.UserName), func(tx *directory.Tx, u *directory.User) error {
			return tx.AddPasskey(u, in.SerialNumber, credential)
		})
	}, actsOnMFAUser(func(in *api.EnableMFADeviceRequest) string { return in.UserName }))
	o.Key = func(key string, _ *service.Caller, _ any) (string, bool) {
		state := "Activate"
		if credential == nil {
			state = "Create"
		}
		return state, key == "iam:RegisterSecurityKey"
	}
	return o
}

// ResyncMFADevice learns from two consecutive codes how far a device's clock is off.
func (s *Service) ResyncMFADevice(ctx context.Context, c *service.Caller, in *api.ResyncMFADeviceRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, mfaUser(c, in.UserName), func(tx *directory.Tx, u *directory.User) error {
		return tx.ResyncMFA(u, in.SerialNumber, in.AuthenticationCode1, in.AuthenticationCode2)
	})
}

// DeactivateMFADevice takes a device from its user.
func (s *Service) DeactivateMFADevice(ctx context.Context, c *service.Caller, in *api.DeactivateMFADeviceRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, mfaUser(c, in.UserName), func(tx *directory.Tx, u *directory.User) error {
		return tx.DeactivateMFA(u, in.SerialNumber)
	})
}

// DeleteVirtualMFADevice deletes a device that nobody has.
func (s *Service) DeleteVirtualMFADevice(ctx context.Context, c *service.Caller, in *api.DeleteVirtualMFADeviceRequest) (*nothing, error) {
	return nil, s.withMFADevice(ctx, c, in.SerialNumber, func(tx *directory.Tx, v *directory.MFADevice) error {
		return tx.DeleteMFADevice(v)
	})
}

// withMFADevice is update on the device of that serial number.
func (s *Service) withMFADevice(ctx context.Context, c *service.Caller, serial string, fn func(tx *directory.Tx, v *directory.MFADevice) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		v, err := tx.MFADevice(serial)
		if err != nil {
			return err
		}
		return fn(tx, v)
	})
}

// GetMFADevice tells of a device that a user, or the caller, has.
func (s *Service) GetMFADevice(_ context.Context, c *service.Caller, in *api.GetMFADeviceRequest) (*api.GetMFADeviceResponse, error) {
	u, err := user(c, mfaUser(c, in.UserName))
	if err != nil {
		return nil, awsError(err)
	}
	for _, m := range u.MFA {
		if m.Serial != in.SerialNumber {
			continue
		}
		return &api.GetMFADeviceResponse{UserName: userNameOut(u), SerialNumber: m.Serial, EnableDate: m.Enabled}, nil
	}
	return nil, awsError(&directory.NotFound{Kind: directory.KindMFA, Name: in.SerialNumber})
}

// ListMFADevices lists the devices that a user, or the caller, has.
func (s *Service) ListMFADevices(_ context.Context, c *service.Caller, in *api.ListMFADevicesRequest) (*api.ListMFADevicesResponse, error) {
	u, err := user(c, mfaUser(c, in.UserName))
	if err != nil {
		return nil, awsError(err)
	}
	p, err := pageOf("ListMFADevices", in.Marker, in.MaxItems, u.MFA,
		func(m directory.EnabledMFA) string { return m.Serial },
		func(m directory.EnabledMFA) api.MFADevice {
			return api.MFADevice{UserName: userNameOut(u), SerialNumber: m.Serial, EnableDate: m.Enabled}
		})
	if err != nil {
		return nil, err
	}
	return &api.ListMFADevicesResponse{MFADevices: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// ListVirtualMFADevices lists the account's virtual devices, and who has them.
func (s *Service) ListVirtualMFADevices(_ context.Context, c *service.Caller, in *api.ListVirtualMFADevicesRequest) (*api.ListVirtualMFADevicesResponse, error) {
	p, err := newPage[api.VirtualMFADevice]("ListVirtualMFADevices", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var failed error
	prefix := directory.MFASerial(c.Account(), "/", "") // left out of markers, which must be short
	err = c.Snapshot.MFADevices(c.Account(), p.after, func(v *directory.MFADevice) bool {
		if in.AssignmentStatus == "Assigned" && v.Owner == "" || in.AssignmentStatus == "Unassigned" && v.Owner != "" {
			return true
		}
		item := api.VirtualMFADevice{SerialNumber: v.Serial()}
		if v.Owner != "" {
			var u *directory.User
			if u, failed = c.Snapshot.UserByID(c.Account(), v.Owner); failed != nil {
				return false
			}
			out := userOut(u)
			item.User, item.EnableDate = &out, v.Enabled
		}
		return p.add(strings.TrimPrefix(v.Serial(), prefix), item)
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return &api.ListVirtualMFADevicesResponse{VirtualMFADevices: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// TagMFADevice adds or replaces tags of a virtual device.
func (s *Service) TagMFADevice(ctx context.Context, c *service.Caller, in *api.TagMFADeviceRequest) (*nothing, error) {
	return nil, s.withMFADevice(ctx, c, in.SerialNumber, func(tx *directory.Tx, v *directory.MFADevice) error {
		return tx.TagMFADevice(v, tagsIn(in.Tags))
	})
}

// UntagMFADevice drops tags of a virtual device.
func (s *Service) UntagMFADevice(ctx context.Context, c *service.Caller, in *api.UntagMFADeviceRequest) (*nothing, error) {
	return nil, s.withMFADevice(ctx, c, in.SerialNumber, func(tx *directory.Tx, v *directory.MFADevice) error {
		tx.UntagMFADevice(v, in.TagKeys)
		return nil
	})
}

// ListMFADeviceTags lists the tags of a virtual device.
func (s *Service) ListMFADeviceTags(_ context.Context, c *service.Caller, in *api.ListMFADeviceTagsRequest) (*api.ListMFADeviceTagsResponse, error) {
	v, err := c.Snapshot.MFADevice(c.Account(), in.SerialNumber)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := tagPage("ListMFADeviceTags", in.Marker, in.MaxItems, v.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListMFADeviceTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
