package cmd

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/text"
	"unibus/internal/wire"
)

// nodeShown is one node and how safe it really is.
type nodeShown struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Role     string `json:"role"`
	Version  string `json:"version"`
	Store    string `json:"store"`
	Sync     string `json:"sync"`
	Enforce  bool   `json:"enforce"`
	ACL      bool   `json:"acl"`
	TLS      bool   `json:"tls"`
	Cluster  bool   `json:"cluster"`
	Leader   bool   `json:"leader"`
	OK       bool   `json:"ok"`
	Replicas int    `json:"replicas"`

	why error // it did not answer
}

func newPostureCmd(env *Env) *cobra.Command {
	var require []string
	cmd := &cobra.Command{
		Use:   "posture [URL...]",
		Short: "Show how safe each node really is",
		Long: "Show how safe each node really is, as read from its running parts.\n\n" +
			"Exit code 12 when a node is away, takes unsigned requests, does not hold users\n" +
			"to their rooms, or speaks without TLS; 10 when it is below --require.",
		Example:     "  unibus posture\n  unibus posture --require enforce,acl,tls,store=sqlite",
		Args:        takes(0, -1),
		Annotations: map[string]string{prints: printsList},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := requirable(require); err != nil {
				return err
			}
			return runPosture(cmd.Context(), env, args, require)
		},
	}
	cmd.Flags().StringSliceVar(&require, "require", nil, "what every node must be: enforce, acl, tls, cluster, store=kv")
	_ = cmd.RegisterFlagCompletionFunc("require", oneOf(postures()...))
	return cmd
}

func runPosture(ctx context.Context, env *Env, urls, require []string) error {
	var nodes []nodeShown
	err := env.withClient(ctx, func(ctx context.Context, c *client.Client) error {
		if len(urls) == 0 {
			urls = []string{c.URL()}
		}
		for _, url := range urls {
			nodes = append(nodes, askPosture(ctx, c, url))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := printPosture(env, nodes); err != nil {
		return err
	}
	if err := judge(nodes, require); err != nil {
		return err
	}
	for _, n := range nodes {
		if !n.OK {
			return n.finding()
		}
	}
	return nil
}

// finding is what a person is told about a node that is not as it should be.
func (n nodeShown) finding() error {
	if n.why != nil {
		f := describe(n.why)
		return bus.Errorf(bus.Findings, "node_away", "%s", f.Message).WithHint("%s", f.Hint)
	}
	return bus.Errorf(bus.Findings, "weak_posture", "%s is not as safe as it should be", text.Line(n.URL)).
		WithHint("each of enforce, acl and tls must be yes, and the node well")
}

// askPosture never fails: a node that does not answer is a finding.
func askPosture(ctx context.Context, c *client.Client, url string) nodeShown {
	n := nodeShown{URL: strings.TrimSuffix(url, "/"), Role: "node"}
	if !strings.Contains(n.URL, "://") {
		n.URL = "https://" + n.URL
	}
	server, err := c.ServerAt(ctx, n.URL)
	if err != nil {
		n.why = err
		return n
	}
	health, err := c.HealthAt(ctx, n.URL)
	if err != nil {
		n.why = err
		return n
	}
	return shownNode(n, server, health)
}

func shownNode(n nodeShown, s wire.Server, h wire.Health) nodeShown {
	p := h.Posture
	n.Name, n.Version, n.Store, n.Sync = s.Name, h.Version, p.Store, p.Sync
	n.Enforce, n.ACL, n.TLS, n.Cluster, n.Replicas = p.Enforce, p.ACL, p.TLS, p.Cluster, 1
	n.Leader = !p.Cluster
	n.OK = h.Status == "ok" && p.Enforce && p.ACL && p.TLS
	return n
}

func printPosture(env *Env, nodes []nodeShown) error {
	flag := func(name string, get func(nodeShown) bool) column[nodeShown] {
		return column[nodeShown]{name, func(n nodeShown) text.Safe { return yesNo(get(n)) }}
	}
	known := func(name string, get func(nodeShown) bool) column[nodeShown] {
		return column[nodeShown]{name, func(n nodeShown) text.Safe {
			if n.why != nil {
				return "?"
			}
			return yesNo(get(n))
		}}
	}
	return printBrief(env, "node", nodes, []column[nodeShown]{
		{"name", func(n nodeShown) text.Safe { return text.Line(cmp.Or(n.Name, "?")) }},
		flag("ok", func(n nodeShown) bool { return n.OK }),
		known("enforce", func(n nodeShown) bool { return n.Enforce }),
		known("acl", func(n nodeShown) bool { return n.ACL }),
		known("tls", func(n nodeShown) bool { return n.TLS }),
		known("cluster", func(n nodeShown) bool { return n.Cluster }),
		{"store", func(n nodeShown) text.Safe { return text.Line(n.Store) }},
		{"sync", func(n nodeShown) text.Safe { return text.Line(n.Sync) }},
		{"version", func(n nodeShown) text.Safe { return text.Line(n.Version) }},
		{"url", func(n nodeShown) text.Safe { return text.Line(n.URL) }},
	}, "sync")
}

// postures are the words that --require takes.
func postures() []string {
	return []string{"enforce", "acl", "tls", "cluster", "store=sqlite", "store=kv"}
}

// requirable refuses words that nobody could judge, before a node is asked.
func requirable(require []string) error {
	for _, want := range require {
		if !slices.Contains(postures(), plainPosture(want)) {
			return bus.Errorf(bus.Invalid, "usage", "%q cannot be required", text.Line(want)).
				WithHint("use %s", strings.Join(postures(), ", "))
		}
	}
	return nil
}

// plainPosture is want without the `posture=` that may stand before the first
// word of a list.
func plainPosture(want string) string { return strings.TrimPrefix(want, "posture=") }

// judge holds every node to what --require says.
func judge(nodes []nodeShown, require []string) error {
	for _, n := range nodes {
		for _, want := range require {
			if !n.meets(plainPosture(want)) {
				return bus.Errorf(bus.Unsafe, "below_required", "%s is below what is required: %s", text.Line(n.URL), text.Line(want))
			}
		}
	}
	return nil
}

func (n nodeShown) meets(want string) bool {
	has := map[string]bool{"enforce": n.Enforce, "acl": n.ACL, "tls": n.TLS, "cluster": n.Cluster, "store=" + n.Store: true}
	return has[want]
}
