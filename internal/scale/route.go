package main

import (
	"hash/fnv"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// slots are what accounts are spread over, and what moves between clusters.
// There are many for each cluster, and their table is small enough for a node.
const slots = 1 << 20

// slotOfKey is the slot of the account in an access key id. Temporary
// credentials are routed by their key id too, which a request names beside the
// session token: the token need not be opened, nor be seen, before routing.
// ok is false for an id that was given from outside, not made here.
func slotOfKey(keyID string) (slot int, ok bool) {
	account, ok := seal.AccountOf(keyID)
	if !ok {
		return 0, false
	}
	return slotOf(account), true
}

func slotOf(account string) int {
	h := fnv.New64a()
	h.Write([]byte(account)) // never fails
	return int(h.Sum64() % slots)
}
