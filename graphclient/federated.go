package graphclient

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/oauth2"
)

// FederatedFile is a token of another issuer that Entra trusts, such as a
// Kubernetes service account's. The file is read again for each token, because
// Kubernetes replaces it long before it ends.
//
// Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation
type FederatedFile struct {
	Path string
}

func (c FederatedFile) fetch(ctx context.Context, app TokensConfig, hide func(string)) (*oauth2.Token, error) {
	content, err := os.ReadFile(c.Path)
	if err != nil {
		return nil, fmt.Errorf("read federated token: %w", err)
	}
	assertion := strings.TrimSpace(string(content))
	if err := checkToken(assertion); err != nil {
		return nil, fmt.Errorf("federated token file %s: %w", c.Path, err)
	}
	return app.grantAssertion(ctx, assertion, hide)
}
