package main

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var epoch = time.Unix(0, 0)

// The arguments: the number of our parent, and that of a process of another sandbox.
var kernel = map[string]attempt{
	"io_uring":           func([]string) error { return raw(unix.SYS_IO_URING_SETUP, 8, address(&[32]uint64{})) },
	"ptrace the parent":  func(a []string) error { return unix.PtraceSeize(number(a[0])) },
	"ptrace a sandbox":   func(a []string) error { return unix.PtraceSeize(number(a[1])) },
	"read memory":        func(a []string) error { return readMemory(number(a[0])) },
	"read memory of own": func([]string) error { return readMemory(os.Getpid()) },
	"compare": func(a []string) error {
		return raw(unix.SYS_KCMP, uintptr(number(a[0])), uintptr(os.Getpid()), 0, 0, 0)
	},
	"mount":               func([]string) error { return unix.Mount("none", os.TempDir(), "tmpfs", 0, "") },
	"mount by descriptor": func([]string) error { _, err := unix.Fsopen("tmpfs", 0); return err },
	"open a tree":         func([]string) error { _, err := unix.OpenTree(unix.AT_FDCWD, "/", 0); return err },
	"unmount":             func([]string) error { return unix.Unmount("/nonexistent", 0) },
	"chroot":              func([]string) error { return unix.Chroot("/") },
	"unshare the user":    func([]string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"unshare the network": func([]string) error { return unix.Unshare(unix.CLONE_NEWNET) },
	"enter a namespace":   func([]string) error { return enterNamespace() },
	"bpf":                 func([]string) error { return raw(unix.SYS_BPF, 0, address(&[16]uint64{4, 4<<32 | 4, 1}), 128) },
	"add a key": func([]string) error {
		_, err := unix.AddKey("user", "x", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
		return err
	},
	"keyctl": func([]string) error {
		_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
		return err
	},
	"userfaultfd":     func([]string) error { return raw(unix.SYS_USERFAULTFD, 1) },
	"perf":            func([]string) error { return perf() },
	"fanotify":        func([]string) error { _, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF, 0); return err },
	"load a module":   func([]string) error { return raw(unix.SYS_INIT_MODULE, 0, 0, 0) },
	"System V memory": func([]string) error { return raw(unix.SYS_SHMGET, 0, 4096, 0o1600) },
	"System V queues": func([]string) error { return raw(unix.SYS_MSGGET, 0, 0o1600) },
	"POSIX queues": func([]string) error {
		return raw(unix.SYS_MQ_OPEN, address(&[16]byte{'q'}), unix.O_CREAT|unix.O_RDWR, 0o600, 0)
	},
	"memory with a name":   func([]string) error { _, err := unix.MemfdCreate("x", 0); return err },
	"secret memory":        func([]string) error { _, err := unix.MemfdSecret(0); return err },
	"lock memory":          func([]string) error { return unix.Mlockall(unix.MCL_CURRENT) },
	"become root":          func([]string) error { return becomeRoot() },
	"become another group": func([]string) error { return raw(unix.SYS_SETRESGID, 0, 0, 0) },
	"take capabilities":    func([]string) error { return takeCapabilities() },
	"live longer":          func([]string) error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) },
	"be dumped":            func([]string) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	"be traced":            func([]string) error { return raw(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0) },
	"leave the group":      func([]string) error { return unix.Setpgid(0, 0) },
	"leave the session":    func([]string) error { _, err := unix.Setsid(); return err },
	"raise a limit": func([]string) error {
		return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: ^uint64(0), Max: ^uint64(0)})
	},
	"limit the parent": func(a []string) error { return unix.Prlimit(number(a[0]), unix.RLIMIT_NOFILE, nil, &unix.Rlimit{}) },
	"bind the parent": func(a []string) error {
		var set unix.CPUSet
		set.Set(0)
		return unix.SchedSetaffinity(number(a[0]), &set)
	},
	"slow the parent":        func(a []string) error { return unix.Setpriority(unix.PRIO_PROCESS, number(a[0]), 1) },
	"change the root":        func([]string) error { return unix.PivotRoot("/", "/") },
	"change the personality": func([]string) error { return raw(unix.SYS_PERSONALITY, 0x0040000) },
	"change the host's name": func([]string) error { return unix.Sethostname([]byte("x")) },
	"change the clock":       func([]string) error { return unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Sec: -1}) },
	"type for a terminal": func([]string) error {
		err := raw(unix.SYS_IOCTL, 0, unix.TIOCSTI, address(&[1]byte{'x'}))
		if errors.Is(err, unix.ENOTTY) {
			return nil // It was asked, and there is only no terminal here.
		}
		return err
	},
	"signal the parent": func(a []string) error { return unix.Kill(number(a[0]), 0) },
	"signal a sandbox":  func(a []string) error { return unix.Kill(number(a[1]), 0) },
	"signal everybody":  func([]string) error { return unix.Kill(-1, 0) },
	"signal a thread":   func(a []string) error { return unix.Tgkill(number(a[1]), number(a[1]), 0) },
	"queue a signal": func(a []string) error {
		return raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(number(a[0])), 0, address(&[16]uint64{}))
	},
	"open a process":              func(a []string) error { _, err := unix.PidfdOpen(number(a[0]), 0); return err },
	"have a descriptor signal":    func(a []string) error { return descriptorSignals(number(a[0])) },
	"see a sandbox's environment": func(a []string) error { return read("/proc/" + a[1] + "/environ") },
	"see a sandbox's files":       func(a []string) error { return list("/proc/" + a[1] + "/root") },
	"see a sandbox's folder":      func(a []string) error { return list(a[2]) },
}

func raw(call uintptr, arguments ...uintptr) error {
	var all [6]uintptr
	copy(all[:], arguments)
	if _, _, errno := unix.Syscall6(call, all[0], all[1], all[2], all[3], all[4], all[5]); errno != 0 {
		return errno
	}
	return nil
}

func address[T any](value *T) uintptr {
	return uintptr(unsafe.Pointer(value))
}

func number(text string) int {
	number, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return number
}

func hasPermissionError(err error) bool {
	return strings.Contains(err.Error(), "not permitted") || strings.Contains(err.Error(), "permission denied")
}

var memory = [8]byte{1}

func readMemory(process int) error {
	var local [8]byte
	here := []unix.Iovec{{Base: &local[0], Len: 8}}
	there := []unix.RemoteIovec{{Base: address(&memory), Len: 8}}
	_, err := unix.ProcessVMReadv(process, here, there, 0)
	if errors.Is(err, unix.EFAULT) {
		return nil // Reading was allowed; there is only nothing at that address.
	}
	return err
}

func enterNamespace() error {
	fd, err := unix.Open("/proc/1/ns/net", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return unix.Setns(fd, 0)
}

func perf() error {
	attributes := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_TASK_CLOCK, Bits: unix.PerfBitExcludeKernel}
	attributes.Size = uint32(unsafe.Sizeof(attributes))
	_, err := unix.PerfEventOpen(&attributes, 0, -1, -1, 0)
	return err
}

func becomeRoot() error {
	if err := raw(unix.SYS_SETRESUID, 0, 0, 0); err != nil {
		return err
	}
	return nil
}

func takeCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: 1, Permitted: 1}}
	return unix.Capset(&header, &data[0])
}

// descriptorSignals asks for a signal to another process whenever there is something to read.
func descriptorSignals(process int) error {
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(pipe[0]), unix.F_SETOWN, process)
	return err
}
