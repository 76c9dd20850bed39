package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Attempts to use something up. The argument, where there is one, is the private folder.
var bombs = map[string]func(arguments []string){
	"output":      func([]string) { endless(os.Stdout) },
	"messages":    func([]string) { endless(os.Stderr) },
	"disk":        func(a []string) { fill(a[0], 16<<20) },
	"small files": func(a []string) { fill(a[0], 1) },
	"one file":    func(a []string) { endless(create(a[0] + "/one")) },
	"hidden files": func(a []string) {
		must(unix.Mkdir(a[0]+"/hidden", 0o300))
		endless(create(a[0] + "/hidden/one"))
	},
	"sparse file": func(a []string) {
		signal.Ignore(syscall.SIGXFSZ)
		file := create(a[0] + "/sparse")
		if err := file.Truncate(1 << 40); err != nil {
			fmt.Println("refused:", err)
		}
	},
	"threads": func([]string) {
		for {
			go func() {
				runtime.LockOSThread()
				time.Sleep(time.Hour)
			}()
			time.Sleep(10 * time.Microsecond)
		}
	},
	"processes": func([]string) {
		for range 1000 {
			if _, err := os.StartProcess("/proc/self/exe", []string{"escape", "list"}, &os.ProcAttr{}); err != nil {
				fmt.Println("refused:", err)
				return
			}
		}
	},
	"memory": func([]string) {
		var all [][]byte
		for {
			block := make([]byte, 64<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			all = append(all, block)
		}
	},
	"descriptors": func([]string) {
		for {
			if _, err := unix.Dup(0); err != nil {
				fmt.Println("refused:", err)
				return
			}
		}
	},
	"busy": func([]string) {
		for {
		}
	},
	"sleep": func([]string) { time.Sleep(time.Hour) },
	"stubborn": func([]string) {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
		time.Sleep(time.Hour)
	},
	"silent": func([]string) {
		os.Stdout.Close()
		os.Stderr.Close()
		time.Sleep(time.Hour)
	},
	"deaf": func([]string) {
		os.Stdin.Close()
		fmt.Println("it does not listen")
	},
	"echo": func([]string) {
		_, err := io.Copy(os.Stdout, os.Stdin)
		must(err)
	},
	"environment": func([]string) {
		for _, variable := range os.Environ() {
			fmt.Println(variable)
		}
	},
	"who": func([]string) {
		folder, _ := os.Getwd()
		fmt.Println(os.Getuid(), os.Getgid(), folder, os.Args[0])
	},
	"status": func([]string) {
		fmt.Fprintln(os.Stderr, "\x1b[31mit failed")
		os.Exit(3)
	},
	// Reads with two numbers: in a folder of the layout, and from the private folder what was written there.
	"work": func(a []string) {
		text, err := os.ReadFile(a[1] + "/file")
		must(err)
		must(os.MkdirAll(a[0]+"/deep/er", 0o700))
		must(os.WriteFile(a[0]+"/deep/er/copy", text, 0o600))
		text, err = os.ReadFile(a[0] + "/deep/er/copy")
		must(err)
		fmt.Print(string(text))
	},
	// Leaves a child behind, where that is possible.
	"child": func(a []string) {
		child := exec.Command("/proc/self/exe", "sleep")
		must(child.Start())
		fmt.Println(strconv.Itoa(child.Process.Pid))
	},
}

func endless(file *os.File) {
	block := make([]byte, 1<<16)
	for {
		if _, err := file.Write(block); err != nil {
			time.Sleep(time.Hour)
		}
	}
}

func fill(folder string, size int) {
	block := make([]byte, size)
	for number := 0; ; number++ {
		if err := os.WriteFile(fmt.Sprintf("%s/%d", folder, number), block, 0o600); err != nil {
			time.Sleep(time.Hour)
		}
	}
}

func create(path string) *os.File {
	file, err := os.Create(path)
	must(err)
	return file
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
