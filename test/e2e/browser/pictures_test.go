package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// photograph writes a picture of what the tab shows to the folder in TRUSTHUB_CONSOLE_PICTURES, if that is set.
func (tab *tab) photograph(t *testing.T, name string) {
	t.Helper()
	folder, wanted := os.LookupEnv("TRUSTHUB_CONSOLE_PICTURES")
	if !wanted {
		return
	}
	picture, err := chromedp.Run(tab.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		picture, err = withPalette(picture)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
	}
	if err != nil {
		t.Errorf("take a picture: %v", err)
	}
}

// withPalette returns a PNG with the 256 most frequent colours of another, which is a third of its size. Others become the nearest
// of them.
func withPalette(content []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	bounds, counts := full.Bounds(), map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[full.At(x, y)]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] })
	palette = palette[:min(len(palette), 256)]
	small, index := image.NewPaletted(bounds, palette), map[color.Color]uint8{}
	for one := range counts {
		index[one] = uint8(small.Palette.Index(one))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			small.SetColorIndex(x, y, index[full.At(x, y)])
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&out, small)
	return out.Bytes(), err
}
