package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The arguments: a secret file outside that everybody may read, a folder outside that everybody may write, the layout,
// the private folder, and the number of our parent.
var files = map[string]attempt{
	"read /etc/passwd":           func([]string) error { return read("/etc/passwd") },
	"read a file":                func(a []string) error { return read(a[0]) },
	"read a file by ..":          func(a []string) error { return read(a[2] + "/../../../../../../.." + a[0]) },
	"read /proc/1/environ":       func([]string) error { return read("/proc/1/environ") },
	"read /proc/PARENT/environ":  func(a []string) error { return read("/proc/" + a[4] + "/environ") },
	"read /proc/PARENT/cmdline":  func(a []string) error { return read("/proc/" + a[4] + "/cmdline") },
	"read /proc/PARENT/maps":     func(a []string) error { return read("/proc/" + a[4] + "/maps") },
	"read /proc/PARENT/root":     func(a []string) error { return read("/proc/" + a[4] + "/root" + a[0]) },
	"read /proc/self/root":       func(a []string) error { return read("/proc/self/root" + a[0]) },
	"read /proc/self/environ":    func([]string) error { return read("/proc/self/environ") },
	"write /proc/self/mem":       func([]string) error { return open("/proc/self/mem", unix.O_RDWR) },
	"write /proc/self/oom_adj":   func([]string) error { return open("/proc/self/oom_score_adj", unix.O_WRONLY) },
	"list /proc":                 func([]string) error { return list("/proc") },
	"list /":                     func([]string) error { return list("/") },
	"list a folder":              func(a []string) error { return list(a[1]) },
	"read /sys":                  func([]string) error { return read("/sys/kernel/mm/transparent_hugepage/enabled") },
	"open /dev/null":             func([]string) error { return open("/dev/null", unix.O_RDWR) },
	"open /dev/zero":             func([]string) error { return open("/dev/zero", unix.O_RDONLY) },
	"open /dev/tty":              func([]string) error { return open("/dev/tty", unix.O_RDWR) },
	"open /dev/ptmx":             func([]string) error { return open("/dev/ptmx", unix.O_RDWR) },
	"write a file":               func(a []string) error { return write(a[1] + "/new") },
	"empty a file":               func(a []string) error { return unix.Truncate(a[1]+"/theirs", 0) },
	"empty a file as it is read": func(a []string) error { return open(a[1]+"/theirs", unix.O_RDONLY|unix.O_TRUNC) },
	"delete a file":              func(a []string) error { return unix.Unlink(a[1] + "/victim") },
	"rename a file":              func(a []string) error { return unix.Rename(a[1]+"/old", a[1]+"/newer") },
	"change a mode":              func(a []string) error { return unix.Chmod(a[1]+"/theirs", 0o777) },
	"change an owner":            func(a []string) error { return unix.Chown(a[1]+"/theirs", os.Getuid(), os.Getgid()) },
	"change times":               func(a []string) error { return os.Chtimes(a[1]+"/theirs", epoch, epoch) },
	"change an attribute":        func(a []string) error { return unix.Setxattr(a[1]+"/theirs", "user.x", []byte("x"), 0) },
	"make a folder":              func(a []string) error { return unix.Mkdir(a[1]+"/folder", 0o700) },
	"write the layout":           func(a []string) error { return write(a[2] + "/new") },
	"change the layout":          func(a []string) error { return open(a[2]+"/file", unix.O_WRONLY) },
	"follow a link":              func(a []string) error { return read(a[2] + "/link") },
	"follow a relative link":     func(a []string) error { return read(a[2] + "/relative") },
	"follow a chain of links":    func(a []string) error { return read(a[2] + "/chain") },
	"follow a link to a folder":  func(a []string) error { return read(a[2] + "/folder/" + filepath.Base(a[0])) },
	"follow a link to /proc":     func(a []string) error { return read(a[2] + "/proc/self/environ") },
	"write through a link":       func(a []string) error { return write(a[2] + "/outside/through") },
	"make a link and follow it": func(a []string) error {
		if err := unix.Symlink(a[0], a[3]+"/link"); err != nil {
			return err
		}
		return read(a[3] + "/link")
	},
	"make a hard link": func(a []string) error { return unix.Link(a[1]+"/theirs", a[3]+"/hard") },
	"rename out":       func(a []string) error { return out(a, func(from, to string) error { return unix.Rename(from, to) }) },
	"link out":         func(a []string) error { return out(a, func(from, to string) error { return unix.Link(from, to) }) },
	"make a pipe":      func(a []string) error { return unix.Mkfifo(a[3]+"/pipe", 0o600) },
	"make a device":    func(a []string) error { return unix.Mknod(a[3]+"/device", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) },
	"make a file without a name": func(a []string) error {
		return open(a[3], unix.O_TMPFILE|unix.O_RDWR)
	},
	"delete what was written": func(a []string) error {
		if err := write(a[3] + "/mine"); err != nil {
			return nil
		}
		return unix.Unlink(a[3] + "/mine")
	},
	"open by handle": func(a []string) error {
		handle, mount, err := unix.NameToHandleAt(unix.AT_FDCWD, a[0], 0)
		if err != nil {
			return err
		}
		_, err = unix.OpenByHandleAt(mount, handle, unix.O_RDONLY)
		return err
	},
	"watch a folder": func(a []string) error {
		fd, err := unix.InotifyInit1(0)
		if err != nil {
			return err
		}
		_, err = unix.InotifyAddWatch(fd, a[1], unix.IN_ALL_EVENTS)
		return err
	},
	"use an inherited descriptor": func([]string) error { return inherited() },
	"list descriptors":            func([]string) error { return list("/proc/self/fd") },
	"list the parent's":           func(a []string) error { return list("/proc/" + a[4] + "/fd") },
	"see the environment": func([]string) error {
		return fmt.Errorf("%s", strings.Join(os.Environ(), ","))
	},
}

func read(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Read(make([]byte, 1))
	return err
}

func list(path string) error {
	_, err := os.ReadDir(path)
	return err
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_NOCTTY, 0o600)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func write(path string) error {
	return os.WriteFile(path, []byte("x"), 0o600)
}

// out moves a file of ours to a folder outside.
func out(a []string, move func(from, to string) error) error {
	from := a[3] + "/ours" + strconv.Itoa(os.Getpid())
	if err := write(from); err != nil {
		return err
	}
	return move(from, a[1]+"/out")
}

// inherited reads from every descriptor that a program does not have by itself.
func inherited() error {
	for fd := 3; fd < 256; fd++ {
		var status unix.Stat_t
		if unix.Fstat(fd, &status) == nil && status.Mode&unix.S_IFMT == unix.S_IFREG {
			return nil
		}
	}
	return fmt.Errorf("there is none")
}
