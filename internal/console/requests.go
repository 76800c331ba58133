package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/opentrusthub/trusthub/internal/requestlog"
)

// requestsPage lists the latest requests that this server got, newest first.
func (c *Console) requestsPage() page {
	return page{path: "requests", nav: "Requests", template: "requests.html", follows: followsRequests, show: c.showRequests}
}

type requestsData struct {
	Off                bool // whether the server keeps no requests
	Server             string
	Results            []option
	Account, Operation string
	Filtered           bool
	Requests           []requestRow
	Pager              pager
}

// requestRow is a request with its status as pages show one.
type requestRow struct {
	*requestlog.Entry

	Result status
}

func (c *Console) showRequests(r *http.Request) (view, error) {
	query := r.URL.Query()
	filter, err := requestFilter(query)
	if err != nil {
		return view{}, err
	}
	var before int64
	if after := query.Get("after"); after != "" {
		if before, err = strconv.ParseInt(after, 10, 64); err != nil || before < 1 {
			return view{}, invalid("The parameter after does not come from this list.")
		}
	}
	data := requestsData{
		Off: c.Requests.Log == nil, Server: c.Requests.Server, Results: options(query.Get("show"), resultOptions()),
		Account: filter.AccountSID, Operation: filter.Operation, Filtered: filter != requestlog.Filter{},
	}
	if data.Off {
		return view{title: "Requests", data: data}, nil
	}
	all, next := c.Requests.Log.List(filter, before, rowsPerPage+1), ""
	if len(all) > rowsPerPage {
		all = all[:rowsPerPage]
		next = strconv.FormatInt(all[rowsPerPage-1].Sequence, 10)
	}
	data.Pager = newPager(r, next, "")
	for _, e := range all {
		data.Requests = append(data.Requests, requestRow{e, resultOf(e)})
	}
	return view{title: "Requests", data: data}, nil
}

func resultOptions() []option {
	return []option{
		{Value: "refused", Name: "refused"},
		{Value: "2", Name: "2xx"},
		{Value: "3", Name: "3xx"},
		{Value: "4", Name: "4xx"},
		{Value: "5", Name: "5xx"},
	}
}

var operationID = regexp.MustCompile(`^[A-Za-z]{0,100}$`)

// requestFilter reads the filter of the list from a query.
func requestFilter(query url.Values) (requestlog.Filter, error) {
	filter := requestlog.Filter{AccountSID: query.Get("account"), Operation: query.Get("operation")}
	switch show := query.Get("show"); show {
	case "":
	case "refused":
		filter.Refused = true
	case "2", "3", "4", "5":
		filter.StatusClass = int(show[0] - '0')
	default:
		return filter, invalid("The parameter show is not one of those in the list.")
	}
	switch {
	case filter.AccountSID != "" && !accountSID.MatchString(filter.AccountSID):
		return filter, invalid("The parameter account must be the SID of an account.")
	case !operationID.MatchString(filter.Operation):
		return filter, invalid("The parameter operation must be the name of an operation, such as CreateTrustProduct.")
	}
	return filter, nil
}

// resultOf returns how a request ended.
func resultOf(e *requestlog.Entry) status {
	result := status{toneGood, strconv.Itoa(e.Status)}
	switch {
	case e.Status == statusClosed:
		result = status{toneQuiet, result.Word + " closed by the caller"}
	case e.Broken:
		result = status{toneBad, result.Word + " broken off"}
	case e.Status >= http.StatusBadRequest:
		result = status{toneBad, result.Word + " " + http.StatusText(e.Status)}
	case e.Status >= http.StatusMultipleChoices:
		result.Tone = toneQuiet
	}
	return result
}

// statusClosed is the status of requests whose caller closed the connection before the response.
const statusClosed = 499
