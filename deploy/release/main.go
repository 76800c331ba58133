// Command release builds what is released: archives of the program for each system, with checksums and SBOMs, and the container
// image. The same commit, built with the same version of Go, gives the same bytes. The version is that of the tag, which the go
// command stamps into the program.
//
//	release archives -out DIR
//	release image -out FILE [-arch ARCH]
//	release push REPOSITORY
//
// Each takes -source DIR, a checkout of trusthub. push takes the credentials that docker login has stored.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("missing command: archives, image or push")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	source := flags.String("source", "..", "`folder` of the checkout")
	out := flags.String("out", "", "`folder` for the archives, or file for the image")
	arch := flags.String("arch", runtime.GOARCH, "architecture of the image")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch command := args[0]; {
	case command == "archives" && *out != "" && flags.NArg() == 0:
		return archives(ctx, *source, *out, targets(), stdout)
	case command == "image" && *out != "" && flags.NArg() == 0:
		return saveImage(ctx, *source, *arch, *out, stdout)
	case command == "push" && flags.NArg() == 1:
		return push(ctx, *source, flags.Arg(0), stdout)
	default:
		return errors.New("invalid command line; use archives -out DIR, image -out FILE or push REPOSITORY")
	}
}
