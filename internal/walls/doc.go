// Package walls holds the rules of the house as tests: which package may
// import which, what only one package may do, and that what is shipped is what
// is here. Each rule stands with its reason; a test shows that it bites.
//
// It promises that a change which breaks a rule fails before it is merged. It
// holds no code that ships, and nothing may import it.
package walls
