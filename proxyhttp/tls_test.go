package proxyhttp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate makes a certificate for 127.0.0.1 with the serial number.
func writeCertificate(t *testing.T, dir string, serial int64) (pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AddCert(mustParse(t, der))
	return pool
}

func mustParse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Both planes speak TLS, HTTP/2 where the client can, and take up a new
// certificate without a restart; one that does not fit its key leaves the last
// in use.
func TestTLS(t *testing.T) {
	keys := t.TempDir()
	pool := writeCertificate(t, keys, 1)
	files := "tls: {cert: '" + filepath.Join(keys, "cert.pem") + "', key: '" + filepath.Join(keys, "key.pem") + "'}\n"
	h := start(t, withServer("  "+files+"admin: {"+strings.TrimSpace(files)+"}\n"))
	h.served = true
	data, control := listenLocal(t), listenLocal(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.s.Serve(ctx, data, control) }()
	ask := func(l net.Listener, pool *x509.CertPool, most uint16) (*http.Response, error) {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: most}, ForceAttemptHTTP2: true}
		defer tr.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+l.Addr().String()+map[bool]string{true: "/v1/users", false: "/healthz"}[l == data], nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := tr.RoundTrip(req)
		if err == nil {
			err = res.Body.Close()
		}
		return res, err
	}
	for _, l := range []net.Listener{data, control} {
		res, err := ask(l, pool, 0)
		if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 || res.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
			t.Fatalf("%v %+v", err, res)
		}
		if _, err := ask(l, pool, tls.VersionTLS11); err == nil {
			t.Error("TLS 1.1 is spoken")
		}
	}
	if err := os.WriteFile(filepath.Join(keys, "cert.pem"), []byte("half writ"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(certificateLook)
	if res, err := ask(data, pool, 0); err != nil || res.TLS.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Errorf("with a broken file: %v", err)
	}
	fresh := writeCertificate(t, keys, 2)
	if _, err := ask(data, fresh, 0); err == nil {
		t.Error("the files were looked at a moment ago")
	}
	h.clock.advance(certificateLook)
	if res, err := ask(data, fresh, 0); err != nil || res.TLS.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("the new certificate is not in use: %v", err)
	}
	if log := h.log.String(); !strings.Contains(log, "the last one stays") || !strings.Contains(log, "a new certificate is in use") || strings.Contains(log, keys) {
		t.Errorf("the log: %s", log)
	}
	if h.s.dataCert.reloads.Load() != 1 || h.s.dataCert.failed.Load() != 1 {
		t.Errorf("reloads %d, failed %d", h.s.dataCert.reloads.Load(), h.s.dataCert.failed.Load())
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func listenLocal(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What is wrong with a certificate is a mistake at its line, together with all
// others.
func TestTLSMistakes(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	writeCertificate(t, dir, 1)
	writeCertificate(t, other, 2)
	for _, c := range []struct{ cert, key, want string }{
		{"/nowhere/cert.pem", dir + "/key.pem", "server.tls: cert cannot be read: no such file"},
		{dir + "/cert.pem", "/nowhere/key.pem", "server.tls: key cannot be read: no such file"},
		{dir + "/cert.pem", other + "/key.pem", "server.tls: cert and key do not make a certificate"},
		{dir + "/key.pem", dir + "/key.pem", "server.tls: cert and key do not make a certificate"},
	} {
		got := mistakesOf(t, "server:\n  tls: {cert: '"+c.cert+"', key: '"+c.key+"'}\nendpoints: [{route: GET /a, sql: SELECT * FROM nope}]\n")
		if !strings.Contains(got, "test.yaml:3: "+c.want) || !strings.Contains(got, "no such table: nope") {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
