"""A second world: a region with towns, country roads and a motorway, in which vehicles make trips."""
