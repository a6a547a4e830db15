// Package storekey names documents in the store of a status page, so that the
// names of others become keys of it.
package storekey

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName bounds an encoded name. File systems end at 255 bytes.
const maxName = 200

// Of is the key of a name in a folder, which ends with a slash. Letters, digits,
// blanks and . _ - are kept, all else is written as %XX, and so are a dot at the
// beginning and a blank at either end: no name leaves its folder, and names that
// differ stay different. Only an empty name is a single %. A key is as long as its
// folder and 205 bytes at the most.
func Of(folder, name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		edge := i == 0 || i == len(name)-1
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-',
			c == '.' && i > 0, c == ' ' && !edge:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	enc := cmp.Or(b.String(), "%")
	if len(enc) > maxName {
		// "%%" is in no encoded name: what is cut cannot meet what is not.
		sum := sha256.Sum256([]byte(name))
		enc = enc[:maxName-34] + "%%" + hex.EncodeToString(sum[:16])
	}
	return folder + enc + ".json"
}
