package client

// recall remembers what was put in last, at least half of a bounded number:
// what a reader keeps of others must not grow with what they send.
type recall[K comparable, V any] struct {
	half       int
	young, old map[K]V
}

func newRecall[K comparable, V any](most int) recall[K, V] {
	return recall[K, V]{half: most / 2, young: map[K]V{}, old: map[K]V{}}
}

func (r *recall[K, V]) get(k K) (v V, ok bool) {
	if v, ok = r.young[k]; !ok {
		v, ok = r.old[k]
	}
	return v, ok
}

// put remembers v, in place of what was put under k before.
func (r *recall[K, V]) put(k K, v V) {
	if _, in := r.young[k]; !in && len(r.young) >= r.half {
		r.old, r.young = r.young, map[K]V{}
	}
	r.young[k] = v
}
