package iam

import (
	"context"
	_ "embed"
	"strings"
	"sync"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) serviceLinkedRoleOperations() []service.Operation {
	return []service.Operation{
		op("CreateServiceLinkedRole", s.CreateServiceLinkedRole, actsOnServiceLinkedRole),
		op("DeleteServiceLinkedRole", s.DeleteServiceLinkedRole),
		op("GetServiceLinkedRoleDeletionStatus", s.GetServiceLinkedRoleDeletionStatus, actsOnDeletedRole),
	}
}

// servicesWithRoles says, a line each, which services have a service-linked
// role: the service, what the role's name ends with, the role's policy, and
// whether names can have a suffix: those of docs/facts, 13, and those whose
// documentation names role and policy.
//
//go:embed servicelinkedroles.txt
var servicesWithRoles string

// linkedRole is a service that has a service-linked role.
type linkedRole struct {
	name   string // of the role
	policy string // its ARN
	suffix bool   // names can have one
}

var linkedRoles = sync.OnceValue(func() map[string]linkedRole {
	all := map[string]linkedRole{}
	for line := range strings.Lines(servicesWithRoles) {
		f := strings.Fields(line)
		all[f[0]+".amazonaws.com"] = linkedRole{
			name: "AWSServiceRoleFor" + f[1], policy: "arn:aws:iam::aws:policy" + directory.ServiceLinkedPath + f[2], suffix: len(f) > 3,
		}
	}
	return all
})

// nameWith is the role's name with a suffix, if there is one.
func (l linkedRole) nameWith(suffix string) string {
	if suffix == "" {
		return l.name
	}
	return l.name + "_" + suffix
}

func linkedPath(service string) string { return directory.ServiceLinkedPath + service + "/" }

// actsOnServiceLinkedRole: the resource is the role that is to be made.
func actsOnServiceLinkedRole(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.CreateServiceLinkedRoleRequest)
		name := linkedRoles()[in.AWSServiceName].nameWith(in.CustomSuffix)
		if name == "" || strings.HasPrefix(name, "_") {
			name = "*" // of a service that is not known: who may make any may hear so
		}
		return []service.Target{{ARN: directory.RoleARN(c.Account(), linkedPath(in.AWSServiceName), name)}}, nil
	}
	o.Key = func(key string, _ *service.Caller, in any) (string, bool) {
		return in.(*api.CreateServiceLinkedRoleRequest).AWSServiceName, key == "iam:AWSServiceName"
	}
}

// CreateServiceLinkedRole makes the role of a service, which only that service
// can assume and nobody can change.
func (s *Service) CreateServiceLinkedRole(ctx context.Context, c *service.Caller, in *api.CreateServiceLinkedRoleRequest) (*api.CreateServiceLinkedRoleResponse, error) {
	linked, known := linkedRoles()[in.AWSServiceName]
	switch {
	case !known:
		return nil, api.InvalidInput.New("Service %s does not have a service-linked role that can be created here.", in.AWSServiceName)
	case in.CustomSuffix != "" && !linked.suffix:
		return nil, api.InvalidInput.New("Custom suffix is not allowed for %s", in.AWSServiceName)
	}
	name := linked.nameWith(in.CustomSuffix)
	if len(name) > 64 {
		return nil, awsapi.ValidationError.New("1 validation error detected: Value '%s' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64", name)
	}
	trust, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["`+in.AWSServiceName+`"]}}]}`, policy.Trust)
	if err != nil {
		return nil, err
	}
	var made *directory.Role
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateRole(directory.NewRole{
			Name: name, Path: linkedPath(in.AWSServiceName), Description: in.Description, Trust: trust, MaxSession: directory.DefaultMaxSession,
		})
		if _, taken := err.(*directory.Exists); taken {
			return api.InvalidInput.New("Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		if err != nil {
			return err
		}
		err = tx.Attach(made, linked.policy)
		if _, none := err.(*directory.NotFound); none {
			return nil // AWS's public data doesn't have this policy
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := roleOut(s.dir.Snapshot(), made)
	return &api.CreateServiceLinkedRoleResponse{Role: &out}, nil
}

// DeleteServiceLinkedRole deletes the role of a service. No service here keeps
// anything that needs it, so that the task that tells of it ends at once.
func (s *Service) DeleteServiceLinkedRole(ctx context.Context, c *service.Caller, in *api.DeleteServiceLinkedRoleRequest) (*api.DeleteServiceLinkedRoleResponse, error) {
	var task *directory.Report
	err := s.withAnyRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) (err error) {
		if !r.ServiceLinked() {
			return api.NoSuchEntity.New("The service-linked role with name %s cannot be found.", in.RoleName)
		}
		if task, err = tx.StartReport(directory.Report{Kind: directory.DeletionReport, By: c.EntityID(), About: "task" + r.Path + r.Name}); err != nil {
			return err
		}
		for _, attached := range r.Attached {
			if err := tx.Detach(r, attached); err != nil {
				return err
			}
		}
		tx.EndReport(task, "")
		return tx.DeleteRole(r)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteServiceLinkedRoleResponse{DeletionTaskId: task.About + "/" + task.ID}, nil
}

// actsOnDeletedRole: the resource is the role that the task deletes.
func actsOnDeletedRole(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		role, _, ok := splitTask(a.(*api.GetServiceLinkedRoleDeletionStatusRequest).DeletionTaskId)
		if !ok {
			return []service.Target{{ARN: "*"}}, nil
		}
		return []service.Target{{ARN: "arn:aws:iam::" + c.Account() + ":role/" + strings.TrimPrefix(role, "task/")}}, nil
	}
}

// splitTask takes a deletion task's id apart: task/ROLE'S PATH AND NAME/ID.
func splitTask(task string) (role, id string, ok bool) {
	i := strings.LastIndexByte(task, '/')
	if i < 0 || !strings.HasPrefix(task, "task"+directory.ServiceLinkedPath) {
		return "", "", false
	}
	return task[:i], task[i+1:], true
}

// GetServiceLinkedRoleDeletionStatus tells how the deletion of a service-linked
// role went.
func (s *Service) GetServiceLinkedRoleDeletionStatus(_ context.Context, c *service.Caller, in *api.GetServiceLinkedRoleDeletionStatusRequest) (*api.GetServiceLinkedRoleDeletionStatusResponse, error) {
	role, id, ok := splitTask(in.DeletionTaskId)
	if !ok {
		return nil, api.InvalidInput.New("The deletion task id %s is not valid.", in.DeletionTaskId)
	}
	task, err := c.Snapshot.Report(c.Account(), directory.DeletionReport, id)
	if err != nil || task.About != role {
		return nil, api.NoSuchEntity.New("The deletion task with id %s cannot be found.", in.DeletionTaskId)
	}
	return &api.GetServiceLinkedRoleDeletionStatusResponse{Status: "SUCCEEDED"}, nil
}
