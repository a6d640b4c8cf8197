package proxyhttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/proxyhttp/config"
)

// certificateLook is how often the files of a certificate are looked at, by
// the handshakes that come.
const certificateLook = time.Second

// certificate is a certificate that follows its files. One that cannot be read
// leaves the last good one in place.
type certificate struct {
	name    string // server.tls, admin.tls
	files   config.TLS
	log     *slog.Logger
	now     func() time.Time
	current atomic.Pointer[tls.Certificate]
	next    atomic.Int64 // when the files are looked at again, in nanoseconds

	mu      sync.Mutex
	stamps  [2]stamp // of the files as they were tried last
	reloads atomic.Int64
	failed  atomic.Int64
}

type stamp struct {
	at   time.Time
	size int64
}

// loadCertificate reads both files; nil without any.
func loadCertificate(name string, t *config.TLS, log *slog.Logger, now func() time.Time) (*certificate, error) {
	if t == nil || t.Cert == "" || t.Key == "" {
		return nil, nil
	}
	c := &certificate{name: name, files: *t, log: log, now: now}
	c.stamps = c.look()
	if err := c.load(); err != nil {
		return nil, err
	}
	c.next.Store(now().Add(certificateLook).UnixNano())
	if leaf := c.current.Load().Leaf; leaf != nil && now().After(leaf.NotAfter) {
		log.Warn("the certificate has expired", "of", name, "since", leaf.NotAfter)
	}
	return c, nil
}

// load reads the files. Its errors name which of them is wrong and how.
func (c *certificate) load() error {
	cert, err := os.ReadFile(c.files.Cert)
	if err != nil {
		return fmt.Errorf("cert cannot be read: %w", plainError(err))
	}
	key, err := os.ReadFile(c.files.Key)
	if err != nil {
		return fmt.Errorf("key cannot be read: %w", plainError(err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("cert and key do not make a certificate: %w", err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return fmt.Errorf("cert is no certificate: %w", err)
		}
	}
	c.current.Store(&pair)
	return nil
}

// plainError leaves the path out: the mistake has the line.
func plainError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (c *certificate) look() (out [2]stamp) {
	for i, f := range []string{c.files.Cert, c.files.Key} {
		if info, err := os.Stat(f); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

// get is the certificate of now. While new files are half written the pair
// does not fit, and the old one goes on; each state of the files is tried once.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.now().UnixNano() >= c.next.Load() && c.mu.TryLock() {
		defer c.mu.Unlock()
		c.next.Store(c.now().Add(certificateLook).UnixNano())
		if seen := c.look(); seen != c.stamps {
			c.stamps = seen
			if err := c.load(); err != nil {
				c.failed.Add(1)
				c.log.Warn("the new certificate is not taken; the last one stays", "of", c.name, "error", err)
			} else {
				c.reloads.Add(1)
				c.log.Info("a new certificate is in use", "of", c.name, "until", c.current.Load().Leaf.NotAfter)
			}
		}
	}
	return c.current.Load(), nil
}

// wrap makes a listener speak TLS, and HTTP/2 to those who can; without a
// certificate it stays as it is.
func (c *certificate) wrap(l net.Listener) net.Listener {
	if c == nil {
		return l
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}})
}
