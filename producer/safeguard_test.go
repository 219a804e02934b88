package producer

import "testing"

// TestSafeguard_aPieceOfNothingEndsNoDoubt judges pieces as the lanes bring them:
// between the doubt and the reading once more come batches without children.
func TestSafeguard_aPieceOfNothingEndsNoDoubt(t *testing.T) {
	t.Parallel()
	good, nothing, bad := tally{known: 40}, tally{}, tally{known: 30, missing: 30}
	for name, test := range map[string]struct {
		between []tally
		refused bool // the second time
	}{
		"at once":                     {nil, true},
		"a piece of nothing":          {[]tally{nothing}, true},
		"too few to tell":             {[]tally{{known: enoughKnown - 1}}, true},
		"enough that is there":        {[]tally{good}, false},
		"enough in pieces":            {[]tally{{known: 15}, {known: 15}}, false},
		"enough, but half of it gone": {[]tally{{known: 15}, {known: 15, missing: 14}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guard := newSafeguard("issue_messages", 0.4)
			bring := func(piece tally) error {
				err := guard.piece(piece)
				if err == nil {
					guard.took(lanesTally, piece)
				}
				return err
			}
			if err := bring(good); err != nil {
				t.Fatal(err)
			}
			if err := bring(bad); !isAgain(err) || refused(err) {
				t.Fatalf("the first time: %v, want it read once more", err)
			}
			for _, piece := range test.between {
				if err := bring(piece); err != nil && !refused(err) {
					t.Fatal(err)
				}
			}
			if err := bring(bad); refused(err) != test.refused {
				t.Errorf("the second time: %v, want refused %v", err, test.refused)
			}
		})
	}
}

// TestSafeguard_aWholePieceIsBelieved has a small issue that lost everything, which is
// believed, and then issues that are whole: what was before them is no reason to stop.
func TestSafeguard_aWholePieceIsBelieved(t *testing.T) {
	t.Parallel()
	guard := newSafeguard("issue_messages", 0.5)
	for _, piece := range []tally{{known: 15, missing: 15}, {known: 6}, {known: 10}, {known: 12, missing: 1}} {
		if err := guard.piece(piece); err != nil {
			t.Fatalf("%+v: %v", piece, err)
		}
		guard.took(lanesTally, piece)
	}
}
