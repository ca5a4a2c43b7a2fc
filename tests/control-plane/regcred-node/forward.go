// Connections: what arrives at one address is passed on to another. An address with a slash is a socket in the file system, which
// reaches from one network namespace into another.
package main

import (
	"io"
	"net"
	"strings"
)

func forward(from, to string) error {
	listener, err := net.Listen(network(from), from)
	if err != nil {
		return err
	}
	for {
		near, err := listener.Accept()
		if err != nil {
			return err
		}
		go join(near, to)
	}
}

func network(address string) string {
	if strings.Contains(address, "/") {
		return "unix"
	}
	return "tcp"
}

// join copies in both directions. A side that has said everything may still listen.
func join(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial(network(to), to)
	if err != nil {
		return
	}
	defer far.Close()
	said := make(chan struct{})
	go func() {
		pass(far, near)
		close(said)
	}()
	pass(near, far)
	<-said
}

func pass(target, source net.Conn) {
	_, _ = io.Copy(target, source)
	if side, ok := target.(interface{ CloseWrite() error }); ok {
		_ = side.CloseWrite()
	}
}
