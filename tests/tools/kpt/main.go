// The functions of kpt without the rest of it: its own command `kpt fn`, for the tests of `regcred krm`.
//
// The whole of kpt cannot be built from its published module: that needs a module of kpt's that is not published.
package main

import (
	"context"
	"os"

	"github.com/kptdev/kpt/commands/fn"
	"github.com/kptdev/kpt/pkg/printer"
	"github.com/spf13/cobra"
)

func main() {
	ctx := printer.WithContext(context.Background(), printer.New(os.Stdout, os.Stderr))
	kpt := &cobra.Command{Use: "kpt", SilenceUsage: true}
	kpt.AddCommand(fn.GetCommand(ctx, "kpt"))
	if err := kpt.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}
