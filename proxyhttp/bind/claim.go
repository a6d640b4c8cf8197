package bind

import "edgecache/proxyhttp/config"

// claimPath is where a declared claim is found in the token.
func claimPath(name string, d *config.Param) string {
	if d.Claim != "" {
		return d.Claim
	}
	return name
}

// claimAt finds a claim by its dotted path: org.id is the claim id of the
// object org. A claim whose own name has points, as namespaces do
// (https://example.com/tenant), is found by its whole name first. A null is no
// claim: whoever issued the token says that there is none.
func claimAt(claims map[string]any, path string) (any, bool) {
	if v, ok := claims[path]; ok {
		return v, v != nil
	}
	for i := 0; i < len(path); i++ {
		if path[i] != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			return claimAt(inner, path[i+1:])
		}
	}
	return nil, false
}
