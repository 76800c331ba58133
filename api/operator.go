package api

import (
	"net/http"
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
