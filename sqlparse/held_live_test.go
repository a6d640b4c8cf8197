package sqlparse_test

import (
	"fmt"
	"testing"
	"time"

	"edgecache/source"
)

const heldSchema = `
CREATE TABLE users (
  id TEXT PRIMARY KEY NOT NULL, name TEXT COLLATE NOCASE, city TEXT, age INTEGER, note TEXT
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users(id) ON DELETE CASCADE, total INTEGER, state TEXT, note TEXT
);
CREATE TABLE tags (user_id TEXT NOT NULL, tag TEXT NOT NULL, weight REAL, PRIMARY KEY (user_id, tag)) WITHOUT ROWID;
CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX users_age ON users (age);
CREATE VIEW adults AS SELECT id AS uid, name, city AS town, age FROM users WHERE age >= 3;
INSERT INTO users SELECT 'u' || value, char(97 + value % 5), char(65 + value % 3), value % 7, 'n' FROM (
  WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 12) SELECT value FROM c);
INSERT INTO orders SELECT value, 'u' || (1 + value % 12), value % 9, char(120 + value % 3), 'n' FROM (
  WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 25) SELECT value FROM c);
INSERT INTO tags SELECT id, char(112 + rowid % 3), rowid FROM users;`

// heldQueries have an answer that data determine. :p is a number of one digit,
// :c a city.
var heldQueries = []string{
	`SELECT id, name, age FROM users ORDER BY age DESC, id LIMIT 4`,
	`SELECT name FROM users WHERE city = :c ORDER BY name, id DESC LIMIT 2`,
	`SELECT name FROM users ORDER BY name COLLATE BINARY, id LIMIT 3`,
	`SELECT id, city FROM users WHERE name = :c COLLATE NOCASE OR city IS :c ORDER BY city COLLATE NOCASE DESC, id LIMIT 3`,
	`SELECT id, age * 2 AS twice FROM users WHERE age < :p ORDER BY twice, id LIMIT 3`,
	`SELECT id, note FROM users WHERE age < :p OR city = :c ORDER BY id`,
	`SELECT *, age + 1 FROM users WHERE age >= :p ORDER BY 4, 1 LIMIT 3`,
	`SELECT id, total FROM orders ORDER BY total DESC, id DESC LIMIT 3 OFFSET 2`,
	`SELECT id, total FROM orders WHERE state = 'x' ORDER BY id LIMIT 3 OFFSET :p`,
	`SELECT o.total, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE u.city = :c ORDER BY o.id`,
	`SELECT o.total, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE u.city = :c ORDER BY o.total DESC, o.id LIMIT 3`,
	`SELECT u.name, o.total FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.total > :p WHERE u.city = :c ORDER BY u.id, o.id`,
	`SELECT u.name, o.total FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.total > :p ORDER BY u.age, u.id, o.id LIMIT 5`,
	`SELECT u.name FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.total > :p WHERE o.id IS NULL ORDER BY u.id LIMIT 4`,
	`SELECT a.id, b.id AS other FROM users a JOIN users b ON a.age = b.age AND a.id < b.id WHERE a.city = :c ORDER BY a.id, b.id LIMIT 4`,
	`SELECT uid, town FROM adults WHERE town = :c ORDER BY uid LIMIT 2`,
	`SELECT a.name, t.tag FROM adults a JOIN tags t ON t.user_id = a.uid ORDER BY t.tag, a.uid LIMIT 4`,
	`SELECT id, name FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id AND o.total > :p) ORDER BY id LIMIT 4`,
	`SELECT id, (SELECT MAX(total) FROM orders o WHERE o.user_id = u.id) AS top FROM users u WHERE city = :c ORDER BY id LIMIT 3`,
	`SELECT city, COUNT(*) AS n, SUM(age) AS s FROM users WHERE age > :p GROUP BY city ORDER BY city`,
	`SELECT DISTINCT city FROM users WHERE age > :p ORDER BY city LIMIT 2`,
	`SELECT id FROM users WHERE age > :p UNION SELECT user_id FROM orders WHERE total > :p ORDER BY 1 LIMIT 4`,
	`SELECT t.tag, u.name FROM tags t JOIN users u ON u.id = t.user_id WHERE CASE WHEN t.weight > :p THEN 1 ELSE 0 END = 1 ORDER BY t.tag, t.user_id`,
	`SELECT id, total FROM orders WHERE (total, id) > (:p, 3) ORDER BY total, id LIMIT 3`,
	`SELECT name, total FROM users JOIN orders ON users.id = user_id AND users.note = orders.note ORDER BY total, orders.id LIMIT 4`,
	`SELECT x.name FROM (SELECT id, name, age FROM users WHERE city <> :c) x ORDER BY x.age DESC, x.id LIMIT 3`,
}

// heldWrites change one or a few rows; %[1]d to %[3]d are small numbers.
var heldWrites = []string{
	`UPDATE users SET age = %[2]d WHERE id = 'u%[1]d'`,
	`UPDATE users SET note = 'm%[2]d' WHERE id = 'u%[1]d'`,
	`UPDATE users SET name = upper(name) WHERE id = 'u%[1]d'`,
	`UPDATE users SET name = char(97 + %[2]d), city = char(65 + %[3]d %% 3) WHERE id = 'u%[1]d'`,
	`UPDATE users SET age = NULL WHERE id = 'u%[1]d'`,
	`UPDATE users SET age = age + 1 WHERE city = char(65 + %[1]d %% 3)`,
	`INSERT OR REPLACE INTO users VALUES ('u%[1]d', char(97 + %[2]d), char(65 + %[3]d %% 3), %[3]d, 'n')`,
	`DELETE FROM users WHERE id = 'u%[1]d'`,
	`UPDATE OR IGNORE users SET id = 'u%[2]d' WHERE id = 'u%[1]d'`,
	`UPDATE orders SET total = %[2]d WHERE id = %[1]d`,
	`UPDATE orders SET note = 'm' WHERE id = %[1]d`,
	`UPDATE orders SET state = char(120 + %[2]d %% 3) WHERE id = %[1]d`,
	`UPDATE orders SET user_id = 'u%[2]d' WHERE id = %[1]d`,
	`UPDATE OR IGNORE orders SET id = %[2]d * 3 WHERE id = %[1]d`,
	`INSERT INTO orders (user_id, total, state, note) VALUES ('u%[1]d', %[2]d, 'x', 'n')`,
	`DELETE FROM orders WHERE id = %[1]d`,
	`DELETE FROM orders WHERE total = %[2]d AND user_id = 'u%[1]d'`,
	`INSERT OR REPLACE INTO tags VALUES ('u%[1]d', char(112 + %[2]d %% 3), %[3]d)`,
	`DELETE FROM tags WHERE user_id = 'u%[1]d'`,
	`UPDATE tags SET weight = %[2]d WHERE user_id = 'u%[1]d'`,
}

// TestSparedAgreesWithSQLite keeps answers as long as every write is proved to
// leave them alone, and holds them against the database after each. An answer
// that was kept over several writes shows that the proofs follow on one another.
func TestSparedAgreesWithSQLite(t *testing.T) {
	k := newKeeping(t)
	soak := soakUntil(t)
	for n := 0; n < 6 || time.Now().Before(soak); n++ {
		l := openLive(t, heldSchema)
		k.round(l, heldQueries, 3, 150, func(name string) source.Value {
			if name == "c" {
				return source.Text(string(rune('A' + k.r.IntN(3))))
			}
			return source.Int(int64(k.r.IntN(8)))
		}, func() source.Statement {
			return source.Statement{SQL: fmt.Sprintf(pick(k.r, heldWrites), 1+k.r.IntN(14), k.r.IntN(9), k.r.IntN(9))}
		})
	}
	k.report("output", "record", "window", "join", "affected")
}
