"""The goods of the synthetic world: an excerpt of the Harmonized System with plausible duty rates and prices.

Subheadings are real and described in our own words. Duty rates, prices and masses are plausible orders of magnitude,
not those of any tariff.
"""

from __future__ import annotations

LINES = (
    *("food", "drinks_tobacco", "chemicals", "health_beauty", "plastics_rubber", "wood_paper", "textiles", "footwear"),
    *("metals", "machinery", "electronics", "vehicles", "optics_watches", "household"),
)
"""Lines of business: a trader and a seller deal mostly in one of them."""

# subheading | line | MFN duty % | USD per kg | log price spread | unit | kg per unit | trade weight | words
# A spread of 0.25 means that two thirds of honest prices lie within about 25 % of the typical one.
TARIFF = """
020230 | food | 14 | 5.2 | .22 | KGM | 1 | 1.2 | frozen beef, boneless cuts
020329 | food | 15 | 2.9 | .22 | KGM | 1 | 1.1 | frozen pork, other cuts
020714 | food | 20 | 1.6 | .22 | KGM | 1 | 1.5 | frozen chicken cuts and offal
030617 | food | 10 | 9.5 | .25 | KGM | 1 | .9 | frozen shrimp and prawns
030389 | food | 10 | 2.6 | .30 | KGM | 1 | .8 | frozen fish, whole
040210 | food | 5 | 3.3 | .18 | KGM | 1 | .9 | skimmed milk powder
040690 | food | 10 | 6.1 | .30 | KGM | 1 | .5 | cheese in blocks
070320 | food | 20 | 1.4 | .28 | KGM | 1 | .7 | garlic, fresh
080810 | food | 8 | 1.9 | .25 | KGM | 1 | 1.2 | apples, fresh
080610 | food | 8 | 3.0 | .28 | KGM | 1 | .8 | grapes, fresh
080131 | food | 3 | 1.5 | .20 | KGM | 1 | 1.0 | cashew nuts in shell
090121 | food | 30 | 9.0 | .35 | KGM | 1 | .4 | roasted coffee
090111 | food | 15 | 3.6 | .20 | KGM | 1 | .6 | coffee beans, not roasted
100199 | food | 5 | .33 | .12 | KGM | 1 | .9 | wheat grain
151190 | food | 15 | 1.1 | .15 | KGM | 1 | .7 | palm oil, refined
170490 | food | 20 | 4.1 | .35 | KGM | 1 | .6 | sugar confectionery
180690 | food | 18 | 7.3 | .35 | KGM | 1 | .5 | chocolate preparations
190531 | food | 25 | 3.7 | .32 | KGM | 1 | .6 | sweet biscuits
210690 | food | 15 | 8.5 | .50 | KGM | 1 | 1.1 | food supplements and preparations
230400 | food | 2 | .48 | .12 | KGM | 1 | .9 | soya-bean oilcake
220421 | drinks_tobacco | 50 | 6.5 | .45 | LTR | 1.3 | .9 | wine in bottles
220830 | drinks_tobacco | 45 | 14 | .45 | LTR | 1.4 | .6 | whisky in bottles
220300 | drinks_tobacco | 35 | 1.3 | .25 | LTR | 1.1 | .5 | beer in cans
220299 | drinks_tobacco | 20 | 1.1 | .30 | LTR | 1.1 | .5 | soft drinks, not carbonated
240220 | drinks_tobacco | 60 | 22 | .30 | KGM | 1 | .25 | cigarettes containing tobacco
240120 | drinks_tobacco | 30 | 5.4 | .25 | KGM | 1 | .3 | tobacco leaf, stemmed
220710 | drinks_tobacco | 20 | .9 | .18 | LTR | .8 | .2 | ethyl alcohol, undenatured
290511 | chemicals | 2 | .42 | .14 | KGM | 1 | .7 | methanol
291736 | chemicals | 3 | .85 | .14 | KGM | 1 | .7 | terephthalic acid
310210 | chemicals | 6 | .38 | .15 | KGM | 1 | .6 | urea fertiliser
320611 | chemicals | 2 | 2.6 | .20 | KGM | 1 | .4 | titanium dioxide pigment
320890 | chemicals | 12 | 4.2 | .40 | KGM | 1 | .6 | solvent-based paints and varnishes
340290 | chemicals | 10 | 2.1 | .38 | KGM | 1 | .5 | cleaning preparations
350691 | chemicals | 8 | 4.9 | .40 | KGM | 1 | .5 | adhesives of polymers
380893 | chemicals | 3 | 5.5 | .40 | KGM | 1 | .5 | weed killers
381121 | chemicals | 3 | 3.4 | .28 | KGM | 1 | .3 | additives for lubricating oil
382499 | chemicals | 6 | 3.0 | .55 | KGM | 1 | .8 | chemical preparations, mixed
300490 | health_beauty | 5 | 68 | .60 | KGM | 1 | 1.2 | medicines for retail sale
300220 | health_beauty | 0 | 240 | .50 | KGM | 1 | .3 | vaccines for human use
330300 | health_beauty | 22 | 24 | .55 | KGM | 1 | .6 | perfumes and toilet waters
330499 | health_beauty | 20 | 13 | .55 | KGM | 1 | 1.2 | skin-care creams and make-up
330590 | health_beauty | 18 | 5.6 | .45 | KGM | 1 | .5 | hair preparations
340130 | health_beauty | 20 | 4.3 | .40 | KGM | 1 | .3 | liquid skin wash
961900 | health_beauty | 12 | 3.6 | .25 | KGM | 1 | .4 | baby napkins and sanitary pads
901890 | health_beauty | 0 | 85 | .60 | NMB | 1.6 | .8 | medical instruments
390110 | plastics_rubber | 2 | 1.2 | .12 | KGM | 1 | 1.2 | polyethylene granules, low density
390210 | plastics_rubber | 3 | 1.2 | .12 | KGM | 1 | 1.3 | polypropylene granules
391990 | plastics_rubber | 10 | 4.6 | .40 | KGM | 1 | .8 | self-adhesive plastic film
392010 | plastics_rubber | 8 | 2.4 | .28 | KGM | 1 | .9 | plates and film of polyethylene
392321 | plastics_rubber | 15 | 2.7 | .30 | KGM | 1 | .7 | sacks and bags of polyethylene
392690 | plastics_rubber | 14 | 6.8 | .55 | KGM | 1 | 1.5 | articles of plastics
400122 | plastics_rubber | 2 | 1.5 | .12 | KGM | 1 | .6 | natural rubber in blocks
401110 | plastics_rubber | 25 | 3.6 | .24 | NMB | 9.2 | .8 | tyres for motor cars
401120 | plastics_rubber | 20 | 3.0 | .22 | NMB | 52 | .5 | tyres for lorries
440710 | wood_paper | 2 | .45 | .20 | MTQ | 520 | .6 | sawn pine wood
441233 | wood_paper | 10 | .95 | .26 | MTQ | 640 | .5 | plywood with hardwood face
470720 | wood_paper | 1 | .24 | .15 | KGM | 1 | .6 | waste paper, bleached
480257 | wood_paper | 18 | .98 | .16 | KGM | 1 | .6 | writing paper in sheets
481092 | wood_paper | 12 | .86 | .16 | KGM | 1 | .6 | coated paperboard
481910 | wood_paper | 20 | 1.3 | .28 | KGM | 1 | .6 | cartons of corrugated board
940360 | wood_paper | 22 | 3.4 | .45 | NMB | 24 | .9 | wooden furniture
940350 | wood_paper | 18 | 3.1 | .40 | NMB | 38 | .4 | wooden bedroom furniture
520100 | textiles | 0 | 1.9 | .12 | KGM | 1 | 1.0 | raw cotton
520942 | textiles | 12 | 5.9 | .25 | MTK | .35 | .9 | denim fabric
540752 | textiles | 12 | 6.4 | .30 | MTK | .14 | 1.3 | dyed polyester fabric
550320 | textiles | 2 | 1.3 | .13 | KGM | 1 | .6 | polyester staple fibre
600632 | textiles | 12 | 6.8 | .28 | KGM | 1 | 1.4 | dyed knitted fabric of synthetics
610910 | textiles | 20 | 17 | .45 | NMB | .17 | 1.1 | cotton T-shirts, knitted
611030 | textiles | 20 | 18 | .42 | NMB | .38 | .8 | jerseys of man-made fibres
620342 | textiles | 20 | 16 | .42 | NMB | .52 | .8 | men's cotton trousers
620462 | textiles | 20 | 18 | .44 | NMB | .45 | .8 | women's cotton trousers
630790 | textiles | 12 | 7.6 | .55 | KGM | 1 | .6 | made-up textile articles
580632 | textiles | 10 | 8.2 | .40 | KGM | 1 | .6 | narrow woven ribbons
640299 | footwear | 30 | 9.8 | .42 | NPR | .72 | .9 | shoes with plastic uppers
640399 | footwear | 30 | 24 | .45 | NPR | .95 | .9 | shoes with leather uppers
640411 | footwear | 28 | 17 | .42 | NPR | .70 | 1.1 | sports shoes with textile uppers
640690 | footwear | 5 | 7.5 | .42 | KGM | 1 | .9 | parts of shoes, soles
420222 | footwear | 25 | 14 | .55 | NMB | .60 | .8 | handbags of textile or plastic sheet
420212 | footwear | 25 | 8.6 | .45 | NMB | 3.6 | .5 | suitcases with plastic surface
410792 | footwear | 3 | 16 | .30 | MTK | .8 | .5 | split bovine leather, prepared
720839 | metals | 3 | .62 | .10 | KGM | 1 | 1.2 | hot-rolled steel in coils
721049 | metals | 15 | .81 | .12 | KGM | 1 | 1.0 | galvanised steel sheet
722790 | metals | 12 | .72 | .14 | KGM | 1 | .6 | alloy steel wire rod
721391 | metals | 18 | .66 | .12 | KGM | 1 | .5 | steel wire rod, not alloyed
720449 | metals | 0 | .36 | .14 | KGM | 1 | .7 | ferrous scrap
730890 | metals | 10 | 2.2 | .38 | KGM | 1 | .8 | steel structures and parts
731815 | metals | 12 | 3.1 | .48 | KGM | 1 | 1.2 | bolts and screws of steel
732690 | metals | 12 | 4.2 | .55 | KGM | 1 | 1.1 | articles of iron or steel
740811 | metals | 5 | 8.9 | .10 | KGM | 1 | .7 | copper wire
760612 | metals | 4 | 3.4 | .18 | KGM | 1 | .8 | aluminium alloy plates
761510 | metals | 25 | 6.5 | .40 | KGM | 1 | .4 | aluminium kitchen articles
820559 | metals | 12 | 7.2 | .50 | KGM | 1 | .5 | hand tools
830140 | metals | 20 | 9.2 | .48 | KGM | 1 | .5 | locks of base metal
840734 | machinery | 15 | 11 | .35 | NMB | 145 | .3 | petrol engines above 1000 cc
841430 | machinery | 4 | 7.3 | .28 | NMB | 11 | .6 | compressors for refrigerators
841510 | machinery | 25 | 7.9 | .28 | NMB | 34 | .7 | air conditioners, wall type
841821 | machinery | 25 | 5.2 | .28 | NMB | 48 | .5 | household refrigerators
841981 | machinery | 8 | 13 | .48 | NMB | 36 | .4 | machines for hot drinks and food
842952 | machinery | 5 | 5.4 | .35 | NMB | 18500 | .3 | excavators
843149 | machinery | 2 | 5.8 | .42 | KGM | 1 | .6 | parts of excavators and cranes
844399 | machinery | 3 | 32 | .50 | KGM | 1 | .6 | parts and toner for printers
845011 | machinery | 25 | 5.1 | .26 | NMB | 62 | .4 | washing machines, automatic
845811 | machinery | 2 | 15 | .40 | NMB | 3900 | .3 | lathes, numerically controlled
847989 | machinery | 1 | 28 | .60 | NMB | 320 | .9 | machines with individual functions
848180 | machinery | 6 | 16 | .52 | KGM | 1 | 1.0 | taps and valves
848210 | machinery | 3 | 11 | .45 | KGM | 1 | .7 | ball bearings
847130 | electronics | 4 | 210 | .30 | NMB | 1.9 | 1.0 | portable computers
847330 | electronics | 0 | 145 | .55 | KGM | 1 | 1.1 | parts and boards of computers
850440 | electronics | 8 | 24 | .50 | NMB | .55 | 1.1 | static converters and chargers
850760 | electronics | 10 | 29 | .32 | NMB | .32 | .9 | lithium-ion accumulators
851713 | electronics | 10 | 620 | .38 | NMB | .35 | 1.0 | smartphones
851762 | electronics | 3 | 130 | .52 | NMB | .9 | .9 | network and transmission apparatus
851770 | electronics | 0 | 260 | .55 | KGM | 1 | 1.0 | parts of telephones
851830 | electronics | 15 | 58 | .50 | NMB | .16 | .6 | headphones and earphones
852852 | electronics | 12 | 21 | .28 | NMB | 6.1 | .6 | monitors for computers
852872 | electronics | 30 | 19 | .28 | NMB | 14 | .5 | television receivers, colour
853400 | electronics | 0 | 92 | .50 | KGM | 1 | 1.0 | printed circuits
853690 | electronics | 8 | 46 | .58 | KGM | 1 | 1.3 | connectors and terminals
854231 | electronics | 0 | 1900 | .55 | NMB | .002 | 1.6 | processors, integrated circuits
854442 | electronics | 14 | 17 | .45 | KGM | 1 | 1.1 | insulated cables with connectors
870323 | vehicles | 60 | 11.5 | .30 | NMB | 1420 | .5 | motor cars 1500 to 3000 cc
870322 | vehicles | 55 | 9.6 | .28 | NMB | 1120 | .4 | motor cars 1000 to 1500 cc
870380 | vehicles | 40 | 15 | .30 | NMB | 1750 | .25 | electric motor cars
870421 | vehicles | 50 | 6.3 | .30 | NMB | 2300 | .3 | light diesel lorries
871120 | vehicles | 60 | 10.5 | .36 | NMB | 112 | .3 | motorcycles 50 to 250 cc
870829 | vehicles | 18 | 9.0 | .48 | KGM | 1 | .9 | body parts of vehicles
870899 | vehicles | 12 | 9.6 | .50 | KGM | 1 | 1.2 | parts of motor vehicles
871410 | vehicles | 22 | 7.4 | .45 | KGM | 1 | .6 | parts of motorcycles
870410 | vehicles | 5 | 5.9 | .30 | NMB | 21000 | .1 | dump trucks off road
900150 | optics_watches | 2 | 160 | .60 | NMB | .03 | .3 | spectacle lenses
900410 | optics_watches | 22 | 62 | .62 | NMB | .05 | .4 | sunglasses
900661 | optics_watches | 8 | 48 | .50 | NMB | .4 | .2 | photographic flash apparatus
902710 | optics_watches | 0 | 120 | .58 | NMB | 6 | .4 | gas and smoke analysers
903289 | optics_watches | 3 | 88 | .58 | NMB | 1.1 | .5 | automatic regulating instruments
910211 | optics_watches | 25 | 240 | .60 | NMB | .09 | .5 | wrist-watches, electric
711319 | optics_watches | 30 | 8800 | .55 | KGM | 1 | .2 | gold jewellery
711719 | optics_watches | 25 | 42 | .62 | KGM | 1 | .5 | imitation jewellery
691110 | household | 30 | 2.6 | .45 | KGM | 1 | .5 | porcelain tableware
690721 | household | 35 | .48 | .25 | MTK | 19 | .6 | ceramic tiles, low absorption
700719 | household | 20 | 1.5 | .30 | MTK | 14 | .4 | toughened safety glass
701349 | household | 28 | 2.1 | .42 | KGM | 1 | .4 | glassware for the table
940171 | household | 20 | 4.0 | .42 | NMB | 9 | .6 | upholstered seats with metal frame
940542 | household | 20 | 12 | .52 | NMB | 1.2 | .8 | electric lamps with LED
950300 | household | 18 | 9.4 | .52 | KGM | 1 | 1.1 | toys and puzzles
950691 | household | 6 | 5.2 | .40 | KGM | 1 | .5 | gymnastics and fitness equipment
960810 | household | 20 | 12 | .45 | NMB | .009 | .4 | ball-point pens
851660 | household | 22 | 6.9 | .38 | NMB | 7.5 | .6 | ovens and cookers
851679 | household | 22 | 7.4 | .42 | NMB | 1.6 | .6 | electrothermic appliances
850940 | household | 22 | 8.1 | .40 | NMB | 2.4 | .5 | food grinders and mixers
"""
