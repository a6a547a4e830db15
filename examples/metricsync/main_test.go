package main

import (
	"testing"

	"github.com/routewatch/routewatch/examples/internal/shoptest"
)

func TestMain(m *testing.M) { shoptest.Main(m, main) }

func TestShop(t *testing.T) { shoptest.Run(t, "/orders/{id}") }

func TestShopWithoutKey(t *testing.T) { shoptest.RunWithoutKey(t) }
