package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// The arguments: a program outside, the same in the layout, a program with rights of its own, and a loader of programs.
var processes = map[string]attempt{
	"execute a program":              func(a []string) error { return execute(a[0]) },
	"execute one of the layout":      func(a []string) error { return execute(a[1]) },
	"execute one with own rights":    func(a []string) error { return execute(a[2]) },
	"execute by the loader":          func(a []string) error { return unix.Exec(a[3], []string{a[3], a[1]}, nil) },
	"execute memory":                 func(a []string) error { return executeMemory(a[0], false) },
	"execute memory by a path":       func(a []string) error { return executeMemory(a[0], true) },
	"execute by a descriptor":        func(a []string) error { return executeDescriptor(a[1]) },
	"start a program":                func(a []string) error { return exec.Command(a[0]).Run() },
	"start itself":                   func([]string) error { return exec.Command("/proc/self/exe", "list").Run() },
	"fork":                           func([]string) error { return fork(uintptr(unix.SIGCHLD)) },
	"fork with memory":               func([]string) error { return fork(uintptr(unix.SIGCHLD | unix.CLONE_VM | unix.CLONE_VFORK)) },
	"fork into a namespace of users": func([]string) error { return fork(uintptr(unix.SIGCHLD | unix.CLONE_NEWUSER)) },
	"fork the new way":               func([]string) error { return forkTheNewWay() },
}

// execute gives an error or does not come back: then the program says that it was executed.
func execute(path string) error {
	return unix.Exec(path, []string{path, "tcp listen"}, nil)
}

func executeMemory(path string, byPath bool) error {
	fd, err := unix.MemfdCreate("x", 0)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, program); err != nil {
		return err
	}
	if byPath {
		return execute(fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	return raw(unix.SYS_EXECVEAT, uintptr(fd), address(&[1]byte{}), 0, 0, unix.AT_EMPTY_PATH)
}

func executeDescriptor(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return raw(unix.SYS_EXECVEAT, uintptr(fd), address(&[1]byte{}), 0, 0, unix.AT_EMPTY_PATH)
}

// fork starts a process that ends at once.
func fork(flags uintptr) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	attributes := &syscall.SysProcAttr{}
	if flags&unix.CLONE_NEWUSER != 0 {
		attributes.Cloneflags = unix.CLONE_NEWUSER
	}
	if flags&unix.CLONE_VM == 0 && flags&unix.CLONE_NEWUSER == 0 {
		// As C has it. The child ends where it begins.
		child, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if child == 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	}
	process, err := os.StartProcess(path, []string{path, "list"}, &os.ProcAttr{Sys: attributes})
	if err == nil {
		process.Wait()
	}
	return err
}

func forkTheNewWay() error {
	// The arguments of clone3: exit_signal is the fifth.
	arguments := [11]uint64{4: uint64(unix.SIGCHLD)}
	child, _, errno := syscall.RawSyscall6(unix.SYS_CLONE3, address(&arguments), 64, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if child == 0 {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}
