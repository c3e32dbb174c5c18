"""Reports for managers: a page is data first, then JSON and one offline HTML file made of the same data."""
