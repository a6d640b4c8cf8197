package mysql

import "testing"
import "context"

func TestSmoke(t *testing.T) {
	d := openTest(t, `CREATE TABLE u (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), n DECIMAL(10,2), b BIGINT UNSIGNED, f FLOAT, d DATETIME(6), y YEAR, bi BIT(9), e ENUM('a','b'), s SET('x','y'), j JSON, bin BINARY(4), t TIME, uu UUID, ip INET6, ts TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, v INT AS (id+1) VIRTUAL, g GEOMETRY, l VARCHAR(9) CHARACTER SET latin1, ch CHAR(4));`)
	t.Log(d.Flavour(), d.Version(), d.StrictReason(context.Background()))
	for _, s := range []string{
		"INSERT INTO u (name,n,b,f,d,y,bi,e,s,j,bin,t,uu,ip,g,l,ch) VALUES ('Jo', 9.999, 18446744073709551615, 1.1, '2024-01-02 03:04:05.000006', 2024, 5, 'b', 'y,x', '{\"a\":1}', 'ab', '-100:00:01', UUID(), '::1', POINT(1,2), 'é','a '),('x',0,1,0,NULL,0,0,NULL,'',NULL,'','0',NULL,NULL,NULL,'','')",
		"UPDATE u SET name = 'Al' WHERE id = 1",
		"UPDATE u SET name = 'Al' WHERE id = 1",
		"DELETE FROM u WHERE id > 1",
	} {
		ws, res, err := tryWrite(d, s)
		t.Logf("%s%v %v", printWriteSet(d, ws), res, err)
	}
}
