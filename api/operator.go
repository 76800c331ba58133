package api

import (
	"net/http"
	"slices"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub"
	operatorserver "github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/gen/operator/validation"
)

// The starts of the paths of the operator API, and of those of its operations that only a server in test mode has.
const (
	OperatorPath     = "/operator/"
	OperatorTestPath = OperatorPath + "v1/test/"
)

var loadOperatorOperations = sync.OnceValues(func() ([]*operation, error) { return readContract(validation.GetSpec) })

// IsStream reports whether a request is for a stream: an operation of the operator API that does not end by itself, and whose
// context has no timeout.
func IsStream(r *http.Request) bool {
	operations, err := loadOperatorOperations()
	return err == nil && slices.ContainsFunc(operations, func(op *operation) bool {
		return op.streams && op.route.Method == r.Method && op.route.Path == r.URL.Path
	})
}

// NewOperator is New for the operator API, api/operator/openapi.yaml. All paths begin with OperatorPath; besides the operations
// it serves GET /operator/openapi.yaml and GET /operator/docs (the API reference, with which operations can be tried). Scripts of
// other origins cannot call it: it has no CORS headers.
func NewOperator(impl operatorserver.StrictServerInterface, config Config) (http.Handler, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	operations, err := loadOperatorOperations()
	if err != nil {
		return nil, err
	}
	e := newEdge(contract{operations, bearer, false}, config, func(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
		operatorserver.RegisterHandlersWithOptions(e, operatorserver.NewStrictHandler(impl),
			operatorserver.RegisterHandlersOptions{OperationMiddlewares: middlewares})
	})
	registerContract(e, OperatorPath+"openapi.yaml", trusthub.OperatorContract())
	if err := registerDocs(e, OperatorPath); err != nil {
		return nil, err
	}
	return decodedPath(e), nil
}

// onlyInTestMode refuses a request for an operation of test mode, whatever else is wrong with it.
func onlyInTestMode(echo.Context) error {
	return NewError(CodeNotFound, "The requested resource exists only in test mode (serve --test)", nil)
}
