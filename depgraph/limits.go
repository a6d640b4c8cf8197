package depgraph

// Every bound of the package. The overflow of each widens or forgets heat;
// none of them can hide a change (I8).
const (
	// defaultMaxBytes is what Options.MaxBytes means when it is not set.
	defaultMaxBytes = 128 << 20
	// defaultLogLength is what Options.LogLength means when it is not set.
	defaultLogLength = 4096

	// entryFraction: an entry heavier than this fraction of MaxBytes is
	// TooLarge. One response must not push out most of the others.
	entryFraction = 8

	// maxSpatial bounds the spatial indexes of a graph, since buntdb matches
	// every key against all of them. Past it: the coarse list.
	maxSpatial = 64
	// maxDims bounds the dimensions of a spatial shape: a search in four costs
	// six times one in two.
	maxDims = 3
	// maxGuests bounds the latest entries that are safe from eviction; their
	// bytes are bounded by one entryFraction of MaxBytes.
	maxGuests = 32

	// maxPlainKey is the longest composite key that is kept as it is. A longer
	// one is hashed; a collision only adds a candidate.
	maxPlainKey = 48
	// maxRecords bounds the record edges of one entry. Past it the records of
	// the table count as unknown, which a purge by record widens over.
	maxRecords = 1024

	// maxLogBytes bounds the images kept in the log. Past it the oldest
	// intents leave the log early (Stats.LogTrimmed).
	maxLogBytes = 32 << 20
	// maxGhosts bounds the remembered entries; ghostFraction their bytes, as a
	// fraction of MaxBytes, but at least minGhostBytes. The least recently
	// dropped are forgotten first (Stats.GhostsForgotten).
	maxGhosts     = 1 << 16
	ghostFraction = 8
	minGhostBytes = 1 << 20
	// staleFraction: the outdated answers that may still be shown take at most
	// this fraction of MaxBytes, which entries do not get then. The oldest go
	// first (Stats.StaleBuried).
	staleFraction = 8

	// maxDeeds bounds the sentences that one write leaves behind. Past it what
	// it ended is told by one.
	maxDeeds = 256

	// maxDebris bounds the items that wait to be removed after the store failed
	// to. Past it they are forgotten: they name nobody.
	maxDebris = 1 << 16

	// sweepStep is how many entries an Install looks at for being expired.
	sweepStep = 4
)

// bounds are those that a test makes small, to see every overflow in a graph
// of a few entries.
type bounds struct {
	// shapes bounds the shapes kept for one occurrence of a template. Past it
	// instances go on the coarse list (Stats.CoarseOverflow).
	shapes int
	// points bounds the equality keys that one box is spread over. Past it
	// fewer dimensions are used.
	points int
	// rects bounds the rectangles of one box. Past it: one hull.
	rects int
	// boxes bounds the boxes of one region. Past it: the coarse list.
	boxes int
	// items bounds the index items of one occurrence of one entry. Past it:
	// the coarse list.
	items int
	// lookups and rechecks bound the work of one Publish. A template that
	// would pass them is suspended as a whole (Stats.Wide).
	lookups, rechecks int
	// heavyRows and heavyBytes: a write set larger than this is held against
	// fills by its tables only.
	heavyRows  int
	heavyBytes int64
	// open bounds the writes that are open with their images. Past it one is
	// published by its tables only (Stats.OpenOverflow).
	open int
	// explain bounds the images that one Explain evaluates. Past it a write
	// set is explained by its tables.
	explain int
}

var defaultBounds = bounds{
	shapes: 16, points: 128, rects: 8, boxes: 64, items: 256,
	lookups: 1 << 14, rechecks: 1 << 18,
	heavyRows: 1024, heavyBytes: 1 << 20,
	open: 1024, explain: 1 << 22,
}
