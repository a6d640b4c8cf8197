package config

// Values of log.format, log.level and log.access.
const (
	LogText = "text"
	LogJSON = "json"

	LogDebug = "debug"
	LogInfo  = "info"
	LogWarn  = "warn"
	LogError = "error"

	AccessErrors = "errors"
	AccessAll    = "all"
)

// Log says what is logged, and how. A flag of `serve` wins over it.
type Log struct {
	Format string // LogText or LogJSON
	Level  string // the least that is logged
	// Access is Off, AccessErrors or AccessAll.
	Access string
	// AccessOneIn: with AccessAll, one in so many of the answers below 400 is
	// logged; those from 400 on always are.
	AccessOneIn int
	// AccessURLs lets lines have the path and the parameters of the endpoint,
	// whose values may be personal data.
	AccessURLs bool
}

const maxAccessOneIn = 1_000_000

func (r *reader) log(top *section) Log {
	s := r.section(top.n.get("log"), "log", "", logTable)
	return Log{
		Format:      s.oneOf("format", LogText, LogText, LogJSON),
		Level:       s.oneOf("level", LogInfo, LogDebug, LogInfo, LogWarn, LogError),
		Access:      s.oneOf("access", Off, Off, AccessErrors, AccessAll),
		AccessOneIn: max(1, s.count("access_one_in", maxAccessOneIn)),
		AccessURLs:  s.boolean("access_urls", false),
	}
}
