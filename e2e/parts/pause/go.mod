module todostack.dev/e2e/parts/pause

go 1.21
