package main

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// The arguments are what a listener outside has: its port, the path of its socket, the name of its abstract socket.
var network = map[string]attempt{
	"tcp connect":    func(a []string) error { return dial("tcp", "127.0.0.1:"+a[0]) },
	"tcp connect v6": func(a []string) error { return socket(unix.AF_INET6, unix.SOCK_STREAM) },
	"tcp listen": func([]string) error {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			listener.Close()
		}
		return err
	},
	"udp send":        func([]string) error { return dial("udp", "127.0.0.1:9") },
	"dns":             func([]string) error { return resolve() },
	"unix path":       func(a []string) error { return dial("unix", a[1]) },
	"unix abstract":   func(a []string) error { return dial("unix", "@"+a[2]) },
	"netlink":         func([]string) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW) },
	"vsock":           func([]string) error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM) },
	"packet":          func([]string) error { return socket(unix.AF_PACKET, unix.SOCK_RAW) },
	"raw":             func([]string) error { return socket(unix.AF_INET, unix.SOCK_RAW) },
	"alg":             func([]string) error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET) },
	"socket pair":     func([]string) error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
	"io_uring socket": func([]string) error { return raw(unix.SYS_IO_URING_SETUP, 8, address(&[32]uint64{})) },
}

func dial(network, address string) error {
	connection, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = connection.Write([]byte("x"))
	return err
}

func resolve() error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", "127.0.0.1:53")
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := resolver.LookupHost(ctx, "example.com")
	// To ask and get no answer is to be out.
	if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !hasPermissionError(err) {
		return nil
	}
	return err
}

func socket(family, kind int) error {
	fd, err := unix.Socket(family, kind, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}
