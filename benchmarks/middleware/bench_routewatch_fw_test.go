package peerbench

import (
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"
	"github.com/routewatch/routewatch/adapters/echowatch"
	"github.com/routewatch/routewatch/adapters/ginwatch"
)

func rwGin(tb testing.TB) gin.HandlerFunc {
	return ginwatch.Middleware(rwNew(tb, rwConfig(rwPattern), opsgenieTap{}))
}

func rwEcho(tb testing.TB) echo.MiddlewareFunc {
	return echowatch.Middleware(rwNew(tb, rwConfig(rwPattern), opsgenieTap{}))
}

var (
	_ = ginPeer("routewatch", rwGin)
	_ = echoPeer("routewatch", rwEcho)
)

func init() {
	ginWatchers = append(ginWatchers, ginWatched{"ginwatch", func(tb testing.TB) (gin.HandlerFunc, func() observed) {
		w, seen := seeRoutewatch(tb)
		return ginwatch.Middleware(w), seen
	}})
	echoWatchers = append(echoWatchers, echoWatched{"echowatch", func(tb testing.TB) (echo.MiddlewareFunc, func() observed) {
		w, seen := seeRoutewatch(tb)
		return echowatch.Middleware(w), seen
	}})
}
