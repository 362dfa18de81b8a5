module unibus/internal/wycheproof

go 1.26.4

// The vectors unpack to 109 MB: a module of its own keeps them away from
// everybody who only builds.
require (
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
	unibus v0.0.0
)

replace unibus => ../..
