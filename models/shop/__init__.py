"""The embedded shop: a whole small shop, made from public purchases, to run everything on."""
