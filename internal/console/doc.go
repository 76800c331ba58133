// Package console is the pages for the people who run the server: what happened to bundles, what waits for a decision, and what
// could not be delivered. The server renders them as HTML; nothing is built or fetched from elsewhere.
//
// # What it guarantees
//
//   - Nothing but the login and the static files can be had without a session. A session begins with a one-time link, which only
//     someone with access to the database can make (NewLink), and ends after 12 hours or by logging out. The database has hashes
//     of both, so that one login works on every server on it.
//   - Other sites cannot act with a browser's session: unsafe requests of another origin are refused, on loopback also requests
//     for another host, and cookies are sent by this site alone.
//   - Nothing that a customer or a receiver sent becomes markup or a link, and nothing is fetched for a viewer.
//   - Every page works without JavaScript. With it, times are local, commands can be copied, and pages follow changes.
//   - Each request costs a bounded amount: lists have pages, forms and streams have limits.
//
// # How to add a page
//
// A page is a file and a template. Patterns are bundles.go (a list with a filter), bundle.go (one row, and an action) and
// accounts.go (a plain list).
//
//  1. Write a method that returns a page (see its fields), and add it to Console.allPages, in the order of the navigation.
//  2. Its show function reads what it needs from Config, bounded, and returns a view, or an error: invalid for a wrong parameter,
//     errNotFound, an error of the store or of package operator. See problemOf.
//  3. Write templates/NAME.html, which defines "main". It gets view.data. The layout adds the frame, the title and the scripts.
//     templates/shared/components.html has the components: time, status, code, command, pager, options. Tables have the class
//     rows, and each td a data-label with the name of its column, which phones show; columns of numbers have the class amount.
//     Rows that may come and go have an id, so that a refresh moves rather than rewrites them. An empty list says what will
//     appear there (class empty).
//  4. A status is shown by the component status. A new kind of status gets its tone in status.go.
//  5. A filter is a form with the method get: it is in the URL, and newPager keeps it. The parameter after is where a page of a
//     list begins.
//  6. What changes something is an action of the page: <form method="post" action="PATH OF THE PAGE/NAME">. Its fields are in
//     r.PostForm, bounded but not validated. It returns done(path, code); the page at path says its note with this code.
//     Only addAccount, addKey and rotateToken show a page instead, because a token must not be in a URL.
//  7. Set follows if the page is to refresh itself when something changes.
//  8. Add the page to pages in pages_test.go, whose tests are for all pages.
//
// No inline script or style, no style attribute: the content security policy forbids them.
package console
