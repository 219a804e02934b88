package extract

import (
	"fmt"
	"sync"
)

// maxPage bounds a page, in bytes of JSON. Issues of a live workspace are of 7 kB,
// so a page of 999 is of 7 MB; where it is larger than the bound, it is asked for
// again with a smaller limit. Lists without a limit are read whatever they are.
const maxPage = 16 << 20

// largePage is a page that is larger than maxPage.
type largePage struct{ held int } // objects seen of it

func (e *largePage) Error() string {
	return fmt.Sprintf("page larger than %d MiB", maxPage>>20)
}

// pageSizes remembers by endpoint how many objects to ask for. It is safe for
// concurrent use.
type pageSizes struct {
	mu    sync.Mutex
	limit map[string]int
}

// ask returns how many objects to ask for of a page that may hold want.
func (p *pageSizes) ask(endpoint string, want int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.limit[endpoint]; ok && n < want {
		return n
	}
	return want
}

// tooLarge notes that a page asked for with a limit was too large after it held
// some objects.
func (p *pageSizes) tooLarge(endpoint string, asked, held int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit == nil {
		p.limit = make(map[string]int)
	}
	p.limit[endpoint] = max(1, min(asked, held)/2)
}

// fits notes the size of a page: if it held as many objects as are asked for, and
// was far below the bound, the next one may be larger again.
func (p *pageSizes) fits(endpoint string, held, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.limit[endpoint]; ok && n == held && bytes < maxPage/4 {
		p.limit[endpoint] = 2 * n
	}
}
