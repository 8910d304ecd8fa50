package configs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

const (
	maxRoster = 1_000_000
	// maxBadLines is where reading a file of users stops: it is some other file.
	maxBadLines = 100
	maxLine     = 4 << 10
)

// rosters collects the ids of all tenants, and where each one stands. A user id belongs to one tenant only.
type rosters struct{ seen map[string]spot }

// spot is a place in a file of users, or in the configuration: then file is "" and line the number of the element.
type spot struct {
	file   string
	tenant int32
	line   int32
}

func newRosters() *rosters { return &rosters{seen: map[string]spot{}} }

// lines reads a file of users: one id on a line, # begins a comment. take gets each id with its line, and says
// what is wrong with it and whether to go on. The faults come back by line; 0 is the file itself.
func lines(path string, take func(id string, line int) (x *fault, more bool)) map[int]*fault {
	faults := map[int]*fault{}
	if x := regular(os.Stat(path)); x != nil {
		faults[0] = x
		return faults
	}
	file, err := os.Open(path)
	if err != nil {
		faults[0] = &fault{"a file that cannot be read (" + cause(err).Error() + ")", "a readable file", "give the user of this process the right to read it", cause(err)}
		return faults
	}
	defer func() { _ = file.Close() }()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 0, maxLine), maxLine)
	line := 0
	for scanner.Scan() {
		line++
		text, _, _ := strings.Cut(strings.TrimPrefix(scanner.Text(), "\ufeff"), "#")
		if text = strings.Trim(text, " \t\r"); text == "" {
			continue
		}
		x, more := take(text, line)
		if x != nil {
			faults[line] = x
		}
		if !more {
			break
		}
		if len(faults) == maxBadLines {
			faults[line+1] = &fault{got: fmt.Sprintf("%d bad lines before this one", maxBadLines), want: "one user id on each line", mend: "check that this is the right file; the rest was not read"}
			break
		}
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		faults[line+1] = &fault{got: "a line of more than 4 KiB", want: "one user id on each line", mend: "check that this is the right file; the rest was not read"}
	case err != nil:
		faults[line+1] = &fault{"a file that breaks off (" + cause(err).Error() + ")", "a readable file", "check the disk", cause(err)}
	}
	return faults
}

// without returns the sorted ids that are not among excluded. It reuses ids.
func without(ids, excluded []string) []string {
	out := make(map[string]bool, len(excluded))
	for _, id := range excluded {
		out[id] = true
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return out[id] })
	slices.Sort(ids)
	return ids
}

// badID says what is wrong with a user id. Ids are personal: the text is described, not shown.
func badID(text string) *fault {
	x := &fault{got: fmt.Sprintf("a text of %d characters that is no GUID", len([]rune(text))), want: "the object id of a user, a GUID", mend: "`az ad user show --id NAME --query id` prints it"}
	switch {
	case text == "":
		x.got, x.mend = "an empty text", "remove it"
	case isGUID(strings.ToLower(strings.TrimSpace(text))):
		x.got, x.mend = "a GUID with space around it", "remove the space"
	case strings.Contains(text, "@"):
		x.got, x.mend = "a user principal name", "list it under users.upns"
	case strings.ContainsAny(text, "*>"):
		x.got, x.mend = "a text with a wildcard", "list each user, or a group under users.groups"
	case strings.ContainsRune(text, 0):
		x.got, x.mend = "a text with a zero byte", "check the program that wrote it"
	}
	return x
}
