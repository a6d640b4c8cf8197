//go:build unix

// Command mariarun runs another command with a MariaDB server at hand:
//
//	mariarun -script schema.sql -dir bin/shop-mysql -- edgecache serve -c shop.yaml
//	mariarun -hold -- go test ./...
//
// The first form gives the command a database in EDGECACHE_DSN. When that is set
// already its database is used: an empty one gets the script's tables, one that
// has them is taken as it is, and any other is refused. Else a private server
// is started on a new data folder, and stopped by its process id when the
// command ends.
//
// The second form keeps the server that tests share (package mariadb) from
// ending between two packages that use it. It starts none.
//
// Signals are passed on to the command and all its children, and the exit code
// is the command's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"edgecache/source/mysql/mariadb"
)

func main() {
	code, err := run(os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mariarun:", err)
	}
	os.Exit(code)
}

// exitUsage is that of wrong arguments, exitTrouble of all else that keeps the
// command from running.
const (
	exitTrouble = 1
	exitUsage   = 2
)

func run(args []string, out io.Writer) (code int, err error) {
	flags := flag.NewFlagSet("mariarun", flag.ContinueOnError)
	flags.SetOutput(out)
	hold := flags.Bool("hold", false, "keep the server that tests share while the command runs")
	script := flags.String("script", "", "the `FILE` with the statements that make the tables")
	dir := flags.String("dir", "", "the `FOLDER` of a private server")
	if err := flags.Parse(args); err != nil {
		return exitUsage, nil // the flags said why
	}
	if flags.NArg() == 0 || !*hold && (*script == "" || *dir == "") {
		return exitUsage, errors.New("a command is wanted, and -hold or both -script and -dir")
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if *hold {
		if lease, err := mariadb.Hold(); err == nil { // else the tests do without, or say why
			defer lease.Leave()
		}
		return command(flags.Args(), nil, signals)
	}
	text, err := os.ReadFile(*script)
	if err != nil {
		return exitTrouble, err
	}
	dsn := os.Getenv("EDGECACHE_DSN")
	if dsn == "" {
		server, err := private(*dir)
		if err != nil {
			return exitTrouble, err
		}
		defer server.close()
		dsn = server.dsn
	}
	what, err := prepare(dsn, string(text))
	if err != nil {
		return exitTrouble, err
	}
	fmt.Fprintln(out, what)
	select {
	case <-signals: // while the server started
		return exitTrouble, errors.New("stopped")
	default:
	}
	return command(flags.Args(), append(os.Environ(), "EDGECACHE_DSN="+dsn), signals)
}

// command runs it in a process group of its own, so that a signal reaches it
// once, by us, whether a terminal sent it or somebody else.
func command(args, env []string, signals <-chan os.Signal) (code int, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdout, os.Stderr, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return exitTrouble, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = syscall.Kill(-cmd.Process.Pid, s.(syscall.Signal))
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return exitTrouble, err
			}
			if code = cmd.ProcessState.ExitCode(); code < 0 { // by a signal
				code = exitTrouble
			}
			return code, nil
		}
	}
}
