package graphsim

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

// Script is what happens by itself in a simulation. The zero value is nothing.
type Script struct {
	// Faults are injected at the start; their After counts from there.
	Faults []Fault `yaml:"faults"`
	// Presence are changes of single users.
	Presence []Step `yaml:"presence"`
}

// Step is a change of one user's presence that is not the model's doing.
type Step struct {
	// At is the real time after the start of the simulation. The control interface ignores it: its steps happen now.
	At time.Duration `yaml:"at"`
	// User is an id, a user principal name, or the position of the user in [Server.UserIDs].
	User string `yaml:"user"`
	// Availability and Activity are what the user is from then on, any two words. Both empty: back to the model.
	Availability string `yaml:"availability"`
	Activity     string `yaml:"activity"`
	// Remove deletes the user from the directory for good.
	Remove bool `yaml:"remove"`
}

// ParseScript reads a script in YAML. An empty text is the empty script. Unknown keys are refused; all mistakes in
// values are reported at once.
//
//	faults:
//	  - {kind: unavailable, on: bulk, after: 5s, for: 10s, retry_after: "7"}
//	presence:
//	  - {at: 10s, user: 3, availability: Busy, activity: InAMeeting}
func ParseScript(text []byte) (Script, error) {
	var documents []Script
	if err := yaml.Load(text, &documents, yaml.WithKnownFields(), yaml.WithAllDocuments()); err != nil {
		return Script{}, fmt.Errorf("reading the script: %w", err)
	}
	switch len(documents) {
	case 0:
		return Script{}, nil
	case 1:
		return documents[0], documents[0].validate()
	default:
		return Script{}, fmt.Errorf("reading the script: got %d YAML documents, want one", len(documents))
	}
}

func (s Script) validate() error {
	var errs []error
	for i, f := range s.Faults {
		if err := f.validate(); err != nil {
			errs = append(errs, fmt.Errorf("script: fault %d: %w", i, err))
		}
	}
	for i, step := range s.Presence {
		if err := step.validate(); err != nil {
			errs = append(errs, fmt.Errorf("script: presence %d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (s Step) validate() error {
	switch {
	case s.At < 0:
		return fmt.Errorf("at: got %v, want no negative duration", s.At)
	case s.User == "":
		return errors.New("user: missing, want an id, a user principal name or a number")
	case s.Remove && (s.Availability != "" || s.Activity != ""):
		return errors.New("remove: a removed user has no availability and no activity")
	case (s.Availability == "") != (s.Activity == ""):
		return errors.New("availability and activity: want both, or neither to go back to the model")
	}
	return nil
}
