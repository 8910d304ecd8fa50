package main

import (
	"fmt"
	"io"
	"net/http"
	urls "net/url"
	"time"

	"github.com/spf13/cobra"
)

// newHealthz is for containers without a shell: their health check has to be in
// the image.
func newHealthz() *cobra.Command {
	return &cobra.Command{
		Use:     "healthz [url]",
		Short:   "Ask a health endpoint, as a container's health check does: exit code 0 if it answers 200",
		Example: "  presenced healthz\n  presenced healthz http://127.0.0.1:8480/readyz",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8480/livez"
			if len(args) == 1 {
				url = args[0]
			}
			if u, err := urls.Parse(url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
				return usageError{fmt.Errorf("the url is %q, want one such as http://127.0.0.1:8480/readyz", url)}
			}
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return usageError{err}
			}
			client := http.Client{
				Timeout:       5 * time.Second,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a login page is no health
			}
			response, err := client.Do(request)
			if err != nil {
				return fmt.Errorf("ask %s: %w", url, err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10)) // what it says is a help, not a need
				return fmt.Errorf("ask %s: %s: %s", url, response.Status, text)
			}
			return nil
		},
	}
}
