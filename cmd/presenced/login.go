package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"presenced/configs"
	"presenced/graphclient"
)

func newLogin(out *output) *cobra.Command {
	var s settings
	var tenant string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in as a person, for a tenant whose credential is device_code",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(out)
			if err != nil {
				return err
			}
			t, err := deviceTenant(cfg, tenant)
			if err != nil {
				return usageError{err}
			}
			who := graphclient.TokensConfig{Cloud: cloudOf(t), TenantID: t.TenantID, ClientID: t.ClientID, Log: zap.NewNop()}
			credential := graphclient.DeviceCode{TokenFile: t.Credential.DeviceCode.TokenFile}
			err = graphclient.DeviceLogin(cmd.Context(), who, credential, func(p graphclient.DevicePrompt) {
				fmt.Fprintf(out.notes, "Open %s in a browser and type %s\n", p.URL, p.Code)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(out.notes, "Signed in; the token is kept in %s\n", credential.TokenFile)
			return nil
		},
	}
	s.register(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "alias of the tenant, if several sign in so")
	return cmd
}

func deviceTenant(cfg *configs.Config, name string) (*configs.Tenant, error) {
	var found *configs.Tenant
	for i := range cfg.Tenants {
		t := &cfg.Tenants[i]
		if t.Credential.Kind() != configs.KindDeviceCode || name != "" && t.Name != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("several tenants sign in by device code: say which with --tenant")
		}
		found = t
	}
	if found == nil {
		return nil, fmt.Errorf("no such tenant with credential.device_code in the configuration")
	}
	return found, nil
}
