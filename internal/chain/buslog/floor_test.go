package buslog

import "testing"

// TestFloors: every combination of the bits is read, a bit that nobody knows
// is refused: who demands it would get less than he thinks.
func TestFloors(t *testing.T) {
	t.Parallel()
	const all = FloorEnforce | FloorACL | FloorTLS
	for floor := range uint8(2 * (all + 1)) {
		n, ok := parseNode(Node{Name: "n1", Floor: floor}.Encode())
		if want := floor <= all; ok != want || n.Floor != floor {
			t.Errorf("floor %b: got %v (%b), want %v", floor, ok, n.Floor, want)
		}
	}
}
