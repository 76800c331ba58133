package api

import (
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub"
	operatorserver "github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/gen/operator/validation"
)

// OperatorPath is the start of the paths of the operator API.
const OperatorPath = "/operator/"

var loadOperatorOperations = sync.OnceValues(func() ([]*operation, error) { return readContract(validation.GetSpec) })

// NewOperator is New for the operator API, api/operator/openapi.yaml. All paths begin with OperatorPath; besides the operations
// it serves GET /operator/openapi.yaml. Scripts of other origins cannot call it: it has no CORS headers.
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
	return decodedPath(e), nil
}
