package graphsim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

// BenchmarkBulk is one request of 650 ids through the handler: token, limiter, model, JSON, record.
func BenchmarkBulk(b *testing.B) {
	for name, encoding := range map[string]string{"plain": "identity", "gzip": "gzip"} {
		b.Run(name, func(b *testing.B) {
			clock := newClock()
			sim := newSim(b, graphsim.Config{Users: 650, Speed: 60, Limit: 1 << 30, GlobalLimit: 1 << 30, TokenLifetime: 1e6 * time.Hour, Now: clock.Now})
			app := sim.Tenants()[0]
			form := httptest.NewRequest(http.MethodPost, "/"+app.ID+"/oauth2/v2.0/token", strings.NewReader(secretForm(app).Encode()))
			form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, form)
			token := answer{body: w.Body.Bytes()}.text("access_token")
			body := idsBody(sim.UserIDs()...)
			b.ReportAllocs()
			for b.Loop() {
				clock.advance(time.Second)
				req := httptest.NewRequest(http.MethodPost, bulkPath, strings.NewReader(body))
				req.Header.Set("Authorization", "Bearer "+token)
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Accept-Encoding", encoding)
				w := httptest.NewRecorder()
				sim.ServeHTTP(w, req)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// BenchmarkNew is the making of a large tenant.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newSim(b, graphsim.Config{Users: 10_000})
	}
}
