// Package graphview draws the dependency graph of /debug/graph: as a page to
// work with in a browser, and as DOT and SVG for documents.
//
// The page is one file without outside assets, the same for everybody, and
// holds no data: its script asks the control plane for them. The pictures are
// drawn here from a Graph, the same bytes for the same graph.
//
// What is drawn was written by others: URLs, predicates, names. All of it goes
// through visible, then through the escaping of its format; the page's script
// makes text nodes and never parses HTML, which its policy enforces.
//
// It knows no cache, asks nothing and keeps nothing.
package graphview
