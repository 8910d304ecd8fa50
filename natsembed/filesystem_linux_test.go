package natsembed

import (
	"strings"
	"testing"
)

func TestVolatile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		magic uint32
		want  string // in the reason; "" for none
	}{
		{"ext4", 0xef53, ""},
		{"xfs", 0x58465342, ""},
		{"btrfs", 0x9123683e, ""},
		{"tmpfs", 0x01021994, "in memory"},
		{"overlay", 0x794c7630, "mount a volume"},
		{"nfs", 0x6969, "on the network"},
		{"cifs", 0xff534d42, "on the network"},
	}
	for _, tt := range tests {
		got := volatile(tt.magic)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("volatile(%s) = %q, want %q", tt.name, got, tt.want)
		}
	}
}
