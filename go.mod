module github.com/routewatch/routewatch

go 1.25.0
