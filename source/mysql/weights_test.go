package mysql

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgecache/source"
)

// scaleOf weighs under a collation of the test's server.
func scaleOf(t *testing.T, d *DB, collation, charset string, width int) *scale {
	t.Helper()
	s, err := d.connect(context.Background(), roleControl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return &scale{s: s, collation: collation, charset: charset, width: width}
}

const weighedSchema = `CREATE TABLE t (
  a VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, b VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci,
  c VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci, d ENUM('x') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  e VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_spanish2_ci, f VARCHAR(40) CHARACTER SET big5, g VARBINARY(40), h INT);`

// weightsOf are the weights of a table's columns, in order.
func weightsOf(d *DB) (out []*source.Weights) {
	for _, c := range d.Schema().Table("t").Columns {
		out = append(out, c.Weights)
	}
	return out
}

func TestColumnsCarryTheirWeights(t *testing.T) {
	d := openTest(t, weighedSchema)
	first := weightsOf(d)
	var known []bool
	for _, w := range first {
		known = append(known, w != nil)
	}
	if want := []bool{true, true, true, true, false, false, false, false}; !slices.Equal(known, want) {
		t.Errorf("weights are known of %v, want %v", known, want)
	}
	if again := weightsOf(openTest(t, weighedSchema)); !slices.Equal(first, again) {
		t.Error("another database of the same server is weighed anew")
	}
	total := 0
	for _, w := range first[:4] {
		total += w.Size()
	}
	if total > 64<<10 {
		t.Errorf("%d bytes of weights", total)
	}
}

// TestTroubleWithWeightsIsNoError: without a session to ask on, or past the
// bound, texts are left to the tables, and the log says so once a load.
func TestTroubleWithWeightsIsNoError(t *testing.T) {
	var log bytes.Buffer
	logged := func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	d := openTest(t, weighedSchema, logged)
	if n := strings.Count(log.String(), "level=WARN"); n > 1 {
		t.Errorf("%d lines for one load: %s", n, log.String())
	}
	weighed.Lock()
	kept := weighed.kept
	weighed.kept = map[weighKey]*source.Weights{}
	for i := range maxWeighed {
		weighed.kept[weighKey{version: string(rune('a' + i))}] = nil
	}
	weighed.Unlock()
	defer func() {
		weighed.Lock()
		defer weighed.Unlock()
		weighed.kept = kept
	}()
	log.Reset()
	for _, w := range weightsOf(openTest(t, weighedSchema, logged)) {
		if w != nil {
			t.Error("weights past the bound")
		}
	}
	if !strings.Contains(log.String(), "more than 24 collations") {
		t.Errorf("the log says %q", log.String())
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, left, err := d.weighAll(ended, []*scale{{collation: "a"}, {collation: "b"}})
	if len(left) != 2 || err == nil {
		t.Errorf("left are %v, for %v", left, err)
	}
}

// TestWeightsOrderAsTheServerDoes holds many more random texts against the
// server than a start does.
func TestWeightsOrderAsTheServerDoes(t *testing.T) {
	d := openTest(t, "CREATE TABLE t (id INT PRIMARY KEY);")
	rnd := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		collation, charset string
		width              int
	}{
		{"utf8mb4_general_ci", "utf8mb4", 4}, {"utf8mb4_bin", "utf8mb4", 4}, {"utf8mb4_general_nopad_ci", "utf8mb4", 4}, {"utf8mb3_general_ci", "utf8mb3", 3},
		{"utf8mb4_unicode_ci", "utf8mb4", 4}, {"utf8mb4_unicode_520_ci", "utf8mb4", 4}, {"utf8mb4_unicode_nopad_ci", "utf8mb4", 4},
		{"utf8mb4_uca1400_ai_ci", "utf8mb4", 4}, {"utf8mb4_swedish_ci", "utf8mb4", 4}, {"latin1_swedish_ci", "latin1", 1},
		{"latin1_bin", "latin1", 1}, {"latin1_german2_ci", "latin1", 1}, {"latin2_general_ci", "latin2", 1}, {"cp1251_general_ci", "cp1251", 1}, {"ascii_general_ci", "ascii", 1},
	} {
		sc := scaleOf(t, d, c.collation, c.charset, c.width)
		w, err := sc.weigh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		single, err := sc.singles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c.width > 1 && !oneUnitEach(single) {
			keepRepertoire(single)
		}
		for range 3 {
			if err := sc.compared(t.Context(), w, trialTexts(rnd, everything(single))); err != nil {
				t.Error(err)
			}
		}
		t.Logf("%s: %d characters, %d bytes", c.collation, len(everything(single)), w.Size())
	}
}

// TestWeightsJoinAcrossScripts tries all pairs of the repertoire, of which a
// start tries those that are of one script.
func TestWeightsJoinAcrossScripts(t *testing.T) {
	d := openTest(t, "CREATE TABLE t (id INT PRIMARY KEY);")
	for _, collation := range []string{"utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_uca1400_ai_ci"} {
		sc := scaleOf(t, d, collation, "utf8mb4", 4)
		single, err := sc.singles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keepRepertoire(single)
		all := everything(single)
		bad, err := sc.strangers(t.Context(), single, all, len(all))
		if err != nil || len(bad) > 0 {
			t.Errorf("%s: %q of %d characters do not join with all others, error %v", collation, string(bad), len(all), err)
		}
		t.Logf("%s: %d characters", collation, len(all))
	}
}

// TestCollationsThatAreNoWeights lists what the trials are there to refuse:
// contractions, weights of several levels, other character sets.
func TestCollationsThatAreNoWeights(t *testing.T) {
	d := openTest(t, "CREATE TABLE t (id INT PRIMARY KEY);")
	for _, c := range []struct {
		collation, charset string
		width              int
		why                string
	}{
		{"utf8mb4_spanish2_ci", "utf8mb4", 4, "pairs of ASCII"}, {"utf8mb4_danish_ci", "utf8mb4", 4, "pairs of ASCII"},
		{"utf8mb4_uca1400_as_cs", "utf8mb4", 4, "pairs of ASCII"}, {"latin2_czech_cs", "latin2", 1, "pairs of ASCII"},
		{"swe7_swedish_ci", "swe7", 1, "ASCII is another"},
		{"big5_chinese_ci", "big5", 2, "character set"}, {"binary", "binary", 1, "character set"}, {"utf16_general_ci", "utf16", 4, "character set"},
	} {
		_, err := scaleOf(t, d, c.collation, c.charset, c.width).weigh(t.Context())
		if err == nil || !isUnfit(err) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.collation, err, c.why)
		}
	}
}

// TestWrongWeightsAreRefused is the negative control of the trials: each is
// shown a weight that the server does not give.
func TestWrongWeightsAreRefused(t *testing.T) {
	d := openTest(t, "CREATE TABLE t (id INT PRIMARY KEY);")
	for _, c := range []struct {
		collation, charset string
		width              int
	}{{"utf8mb4_general_ci", "utf8mb4", 4}, {"utf8mb4_unicode_ci", "utf8mb4", 4}, {"latin1_swedish_ci", "latin1", 1}} {
		sc := scaleOf(t, d, c.collation, c.charset, c.width)
		single, err := sc.singles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		whole := oneUnitEach(single)
		if c.width > 1 && !whole {
			keepRepertoire(single)
		}
		for _, wrong := range "ée" {
			bent := slices.Clone(single)
			bent[wrong] = []uint16{bent['t'][0]}
			if whole {
				err = sc.joinedAtRandom(t.Context(), bent)
			} else {
				err = sc.joinedInPairs(t.Context(), bent, [][]span{{{0x20, 0xff}}})
			}
			if err == nil && bent[wrong] != nil {
				t.Errorf("%s: %c that weighs as t joins", c.collation, wrong)
			}
			bent[wrong] = []uint16{bent['t'][0]}
			m := source.Weighing{Collation: "x", Single: bent, Whole: whole, Padded: true}
			if differs, err := sc.likeDiffers(t.Context(), &m); err != nil || !differs {
				t.Errorf("%s: LIKE takes %c for t: %v", c.collation, wrong, err)
			}
			if wrong == 'e' {
				if err := sc.tried(t.Context(), source.NewWeights(m), bent); err == nil {
					t.Errorf("%s: comparisons do not tell that %c does not weigh as t", c.collation, wrong)
				}
			}
		}
		m := source.Weighing{Collation: "x", Single: single, Whole: whole, Padded: false}
		if err := sc.tried(t.Context(), source.NewWeights(m), single); err == nil {
			t.Errorf("%s: comparisons do not tell that blanks are padded", c.collation)
		}
	}
}
